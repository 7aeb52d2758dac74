// VAMP on the problems that tests/peers/vamp.py writes to stdin; one line a problem to stdout:
//     valid solved search_ns simplify_ns iterations
// Valid is what VAMP calls so: its balls touch nothing at the start and at the goal. Times are VAMP's own, on the wall.
#include <iostream>
#include <memory>
#include <string>

#include <vamp/collision/factory.hh>
#include <vamp/planning/rrtc.hh>
#include <vamp/planning/simplify.hh>
#include <vamp/planning/validate.hh>
#include <vamp/random/halton.hh>
#include VAMP_HEADER

using Robot = vamp::robots::VAMP_ROBOT;
static constexpr const std::size_t rake = vamp::FloatVectorWidth;
using Environment = vamp::collision::Environment<float>;
using Environments = vamp::collision::Environment<vamp::FloatVector<rake>>;
using RRTC = vamp::planning::RRTC<Robot, rake, Robot::resolution>;
using Array = Robot::ConfigurationArray;

static auto read(Array &q) -> bool
{
    for (auto &value : q)
    {
        if (not(std::cin >> value))
        {
            return false;
        }
    }
    return true;
}

static void read_shapes(Environment &environment)
{
    namespace factory = vamp::collision::factory;
    std::size_t count = 0;
    std::cin >> count;
    for (std::size_t k = 0; k < count; ++k)
    {
        std::string kind;
        float x, y, z, roll, pitch, yaw, a, b, c;
        std::cin >> kind >> x >> y >> z >> roll >> pitch >> yaw >> a >> b >> c;
        if (kind == "sphere")
        {
            environment.spheres.emplace_back(factory::sphere::flat(x, y, z, a));
        }
        else if (kind == "capsule")
        {
            environment.capsules.emplace_back(factory::capsule::center::flat(x, y, z, roll, pitch, yaw, a, b));
        }
        else
        {
            environment.cuboids.emplace_back(factory::cuboid::flat(x, y, z, roll, pitch, yaw, a, b, c));
        }
    }
}

auto main(int, char **) -> int
{
    float range = 1.0F;
    std::cin >> range;
    Array start, goal;
    while (read(start) and read(goal))
    {
        Environment environment;
        read_shapes(environment);
        environment.sort();
        const Environments environments(environment);
        const Robot::Configuration from(start), to(goal);
        const auto free = [&](const Robot::Configuration &q)
        { return vamp::planning::validate_motion<Robot, rake, 1>(q, q, environments); };
        if (not(free(from) and free(to)))
        {
            std::cout << "0 0 0 0 0" << std::endl;
            continue;
        }
        vamp::planning::RRTCSettings settings;
        settings.range = range;
        settings.max_iterations = settings.max_samples = 1000000;
        auto numbers = std::make_shared<vamp::rng::Halton<Robot>>();
        const auto found = RRTC::solve(from, to, environments, settings, numbers);
        std::size_t simplify_ns = 0;
        if (not found.path.empty())
        {
            const auto simple = vamp::planning::simplify<Robot, rake, Robot::resolution>(
                found.path, environments, vamp::planning::SimplifySettings{}, numbers);
            simplify_ns = simple.nanoseconds;
        }
        std::cout << "1 " << not found.path.empty() << " " << found.nanoseconds << " " << simplify_ns << " "
                  << found.iterations << std::endl;
    }
    return 0;
}
