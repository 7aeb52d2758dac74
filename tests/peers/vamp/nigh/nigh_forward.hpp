// Stands in for the library nigh, which no package registry has: nearest neighbours by looking at each, which is no slower
// than nigh's k-d trees on the small trees that most problems need. Only what VAMP's RRT-Connect calls.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace unc::robotics::nigh
{
    namespace metric
    {
        template <int power>
        struct LP
        {
        };

        template <typename Type, typename Metric>
        struct Space;
    }  // namespace metric

    struct NoThreadSafety
    {
    };

    template <std::size_t batch>
    struct KDTreeBatch
    {
    };

    template <typename Node, typename Space, typename KeyOf, typename Safety, typename Tree>
    class Nigh
    {
        using Key = typename Space::Type;
        std::vector<Node> nodes;

    public:
        [[nodiscard]] auto size() const noexcept -> std::size_t
        {
            return nodes.size();
        }

        void insert(const Node &node)
        {
            nodes.push_back(node);
        }

        [[nodiscard]] auto nearest(const Key &key) const -> std::optional<std::pair<Node, float>>
        {
            const Node *best = nullptr;
            float least = std::numeric_limits<float>::infinity();
            for (const auto &node : nodes)
            {
                const float distance = Space::distance(KeyOf{}(node), key);
                if (distance < least)
                {
                    least = distance;
                    best = &node;
                }
            }
            if (best == nullptr)
            {
                return std::nullopt;
            }
            return std::make_pair(*best, least);
        }
    };
}  // namespace unc::robotics::nigh
