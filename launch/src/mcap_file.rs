//! `nightshift mcap`: a recording as an MCAP file, for Foxglove and whatever else reads those.
//!
//! Messages are the journal's own, as JSON: a recording holds everything that the stack was told and answered, also what no ROS
//! message is for (effects, calls, records), and must lose none of it. What has a topic on the ROS graph is under that name.
//! Pictures are attachments, under their content's hash.

use crate::recording::Folder;
use crate::talk::{talk, tell};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mcap::records::MessageHeader;
use mcap::{Attachment, WriteOptions, Writer};
use nightshift_ros::names;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift mcap`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nightshift scenario load --record out/load && nightshift mcap out/load --out load.mcap\n  nightshift mcap out/run --out run.mcap --json"
)]
pub struct McapArgs {
    /// The folder of a recorded run (`nightshift run --out`, `nightshift scenario --record`, `nightshift sim --record`).
    pub folder: PathBuf,
    /// Where to write the file.
    #[arg(long, value_name = "FILE", default_value = "run.mcap")]
    pub out: PathBuf,
    /// Print one JSON object on stdout: messages by topic, pictures.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &McapArgs) -> Result<ExitCode, String> {
    let folder = Folder(args.folder.clone());
    // Refuses what is no recording before anything is written.
    folder.info()?;
    let lines = folder.lines()?;
    // Under another name until it is whole.
    let unfinished = args.out.with_extension("mcap.part");
    let written = write(&unfinished, &lines, &folder.pictures());
    let (topics, pictures) = match written {
        Ok(counts) => counts,
        Err(error) => {
            let _ = fs::remove_file(&unfinished);
            return Err(format!("{}: {error}", args.out.display()));
        }
    };
    fs::rename(&unfinished, &args.out)
        .map_err(|e| format!("{} cannot be written: {e}", args.out.display()))?;
    let messages: u64 = topics.values().sum();
    if args.json {
        tell!("{}", json!({ "messages": messages, "pictures": pictures, "topics": topics }));
    }
    talk!("{}: {messages} messages on {} topics, {pictures} pictures", args.out.display(), topics.len());
    Ok(ExitCode::SUCCESS)
}

type Counts = (BTreeMap<String, u64>, usize);

fn write(path: &Path, lines: &[String], pictures: &Path) -> Result<Counts, String> {
    let bar = ProgressBar::new(lines.len() as u64)
        .with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} lines").expect("a sound template"));
    let told = |e: mcap::McapError| e.to_string();
    let file = BufWriter::new(File::create(path).map_err(|e| e.to_string())?);
    let options =
        WriteOptions::new().compression(None).library(concat!("nightshift ", env!("CARGO_PKG_VERSION")));
    let mut writer = options.create(file).map_err(told)?;
    let mut channels: BTreeMap<String, (u16, u64)> = BTreeMap::new();
    let mut last = 0;
    for (index, line) in lines.iter().enumerate() {
        bar.inc(1);
        let entry = Entry::read(line).map_err(|e| format!("line {} of the journal: {e}", index + 1))?;
        // Lines without a message only say that time has gone on.
        let Some(Entry { stamp, topic, message }) = entry else { continue };
        last = last.max(stamp);
        if !channels.contains_key(&topic) {
            let schema = schema(&topic, &message).to_string();
            let schema = writer.add_schema(&title(&topic), "jsonschema", schema.as_bytes()).map_err(told)?;
            let channel = writer.add_channel(schema, &topic, "json", &BTreeMap::new()).map_err(told)?;
            channels.insert(topic.clone(), (channel, 0));
        }
        let (channel_id, count) = channels.get_mut(&topic).expect("just put in");
        let header = MessageHeader {
            channel_id: *channel_id,
            sequence: *count as u32,
            log_time: stamp,
            publish_time: stamp,
        };
        *count += 1;
        writer.write_to_known_channel(&header, message.to_string().as_bytes()).map_err(told)?;
    }
    let kept = attach(&mut writer, pictures, last)?;
    writer.finish().map_err(told)?;
    bar.finish_and_clear();
    Ok((channels.into_iter().map(|(topic, (_, count))| (topic, count)).collect(), kept))
}

/// Attaches all pictures; none where there is no album.
fn attach(writer: &mut Writer<BufWriter<File>>, album: &Path, stamp: u64) -> Result<usize, String> {
    let Ok(entries) = fs::read_dir(album) else { return Ok(0) };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "png"));
    paths.sort();
    for path in &paths {
        let data = fs::read(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        let attachment = Attachment {
            log_time: stamp,
            create_time: stamp,
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            media_type: "image/png".into(),
            data: Cow::Owned(data),
        };
        writer.attach(&attachment).map_err(|e| e.to_string())?;
    }
    Ok(paths.len())
}

/// A line of a journal.
struct Entry {
    stamp: u64,
    topic: String,
    message: Value,
}

impl Entry {
    /// None where the line has no message.
    fn read(line: &str) -> Result<Option<Self>, String> {
        let line: Map<String, Value> = serde_json::from_str(line).map_err(|e| e.to_string())?;
        let Some((way, body)) = line.into_iter().next() else { return Err("it is empty".into()) };
        if way == "Until" {
            return Ok(None);
        }
        let Value::Array(pair) = body else { return Err(format!("{way} is not a pair")) };
        let [stamp, what] = <[Value; 2]>::try_from(pair).map_err(|_| format!("{way} is not a pair"))?;
        let stamp = stamp.as_u64().ok_or("its time is no number of nanoseconds")?;
        let (topic, message) = name(&way.to_lowercase(), what);
        // A message is an object on every topic, so that readers can plot its fields.
        let message = if message.is_object() { message } else { json!({ "value": message }) };
        Ok(Some(Self { stamp, topic, message }))
    }
}

/// The topic and the message of what was told (`in`) or answered (`out`).
fn name(way: &str, what: Value) -> (String, Value) {
    let (kind, inner) = only(what);
    if kind == "Truth" {
        return (names::TRUTH.to_owned(), inner);
    }
    if kind != "Robot" {
        return (format!("/nightshift/{way}/{}", snake(&kind)), inner);
    }
    let (kind, message) = only(inner);
    let topic = match (kind.as_str(), message["scanner"].as_str()) {
        ("Scan", Some(scanner)) => names::scan(scanner),
        ("Odometry", _) => names::ODOMETRY.to_owned(),
        ("Joints", _) => names::JOINT_STATES.to_owned(),
        ("Wrist", _) => names::WRENCH.to_owned(),
        ("Drive", _) => names::CMD_VEL.to_owned(),
        _ => format!("/robot/{way}/{}", snake(&kind)),
    };
    (topic, message)
}

/// A variant's name and content.
fn only(value: Value) -> (String, Value) {
    match value {
        Value::String(name) => (name, json!({})),
        Value::Object(object) => object.into_iter().next().unwrap_or_else(|| ("Empty".into(), json!({}))),
        other => ("Value".into(), other),
    }
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn title(topic: &str) -> String {
    format!("nightshift{}", topic.replace('/', "."))
}

/// What a topic's messages look like, by its first: the kinds of the fields at the top.
fn schema(topic: &str, message: &Value) -> Value {
    let kind = |value: &Value| match value {
        Value::Null => json!({}),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(_) => json!({ "type": "number" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(_) => json!({ "type": "array" }),
        Value::Object(_) => json!({ "type": "object" }),
    };
    let fields: Map<String, Value> =
        message.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), kind(value))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title(topic),
        "type": "object",
        "properties": fields,
    })
}
