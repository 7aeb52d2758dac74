//! Varied scenes from seeds, as PNG files, with the processor time that each took:
//! `cargo run -p nightshift-optics --example studio -- FIRST COUNT WIDTH HEIGHT FOLDER`

use cpu_time::ThreadTime;
use nightshift_optics::studio;

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [numbers @ .., folder] = arguments.as_slice() else { return Err("arguments are missing".into()) };
    let numbers: Vec<u64> = numbers.iter().filter_map(|word| word.parse().ok()).collect();
    let [first, count, width, height] = numbers[..] else {
        return Err("give the first seed, how many, width, height, and a folder".into());
    };
    for seed in first..first + count {
        let start = ThreadTime::now();
        let staged = studio::stage(seed, width as usize, height as usize);
        let exposed = staged.shot.take(&staged.scene).map_err(|faults| format!("{faults:?}"))?;
        let traced = start.elapsed();
        let picture = staged.film.develop(&exposed);
        println!(
            "{seed}: traced {traced:?}, with film {:?}, {} items, {}",
            start.elapsed(),
            staged.items.len(),
            staged.light
        );
        let bytes = picture.pixels.concat();
        image::RgbImage::from_raw(width as u32, height as u32, bytes)
            .ok_or("the picture has another size than its pixels")?
            .save(format!("{folder}/{seed:06}.png"))
            .map_err(|error| format!("{folder}: {error}"))?;
    }
    Ok(())
}
