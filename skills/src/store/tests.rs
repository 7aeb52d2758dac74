use super::*;
use crate::ledger::Ledger;
use nightshift_core::api::{JobKind, JobRequest, Phase};
use std::path::PathBuf;

/// A folder of its own for each test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nightshift-store-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("store.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn seed(ledger: &mut Ledger, count: usize) -> Vec<StoreRecord> {
    let from = ledger.samples().count();
    let bodies = (from..from + count).map(|n| Body::Seeded {
        sample: format!("S-{n}").as_str().into(),
        labware: "vial_10ml".into(),
        code: format!("tag36h11:{n}"),
        at: nightshift_core::Address::new("storage", "rack", &format!("A{n}")),
    });
    let entries = ledger.draft(Stamp(1), bodies.collect()).unwrap();
    entries.iter().for_each(|entry| ledger.apply(entry).unwrap());
    entries.into_iter().map(StoreRecord::Ledger).collect()
}

fn job(id: &str) -> JobRecord {
    JobRecord {
        job_id: id.into(),
        request: JobRequest {
            kind: JobKind::Transfer,
            job_id: id.into(),
            caller: "tester".into(),
            items: Vec::new(),
            stations: Vec::new(),
            on_failure: String::new(),
            verify: String::new(),
            deadline_s: 0.1 + 0.2,
            dry_run: false,
        },
        accepted: Stamp(u64::MAX),
        phase: Phase::Accepted,
        outcomes: Vec::new(),
        result: None,
        seen: Vec::new(),
        unseen: Vec::new(),
    }
}

#[test]
fn what_was_written_is_there_after_a_kill_and_needs_a_word() {
    let folder = Folder::new("kill");
    let (mut store, first) = Store::open(&folder.file()).unwrap();
    assert_eq!(first, Restored::default());
    let mut ledger = Ledger::default();
    let mut records = seed(&mut ledger, 3);
    records.push(StoreRecord::Job(job("J1")));
    assert_eq!(store.append(&records).unwrap(), 3);
    let mut done = job("J1");
    done.finish(None);
    assert_eq!(store.append(&[StoreRecord::Job(done.clone())]).unwrap(), 3);
    // SIGKILL: the files are left as they are.
    drop(store);
    let (mut store, restored) = Store::open(&folder.file()).unwrap();
    assert_eq!((&restored.ledger, &restored.jobs), (&ledger, &vec![done]));
    assert!(restored.restart_needed);
    // A clean end before the word was given does not stand in for it.
    store.close().unwrap();
    (store, _) = Store::open(&folder.file()).unwrap();
    assert!(store.restored().unwrap().restart_needed);
    let acknowledged = Body::Acknowledged { caller: "tester".into(), note: String::new() };
    let entries = ledger.draft(Stamp(2), vec![acknowledged]).unwrap();
    store.append(&[StoreRecord::Ledger(entries[0].clone())]).unwrap();
    store.close().unwrap();
    let (_, restored) = Store::open(&folder.file()).unwrap();
    assert!(!restored.restart_needed);
}

#[test]
fn an_open_job_needs_a_word_even_after_a_clean_end() {
    let folder = Folder::new("open-job");
    let (mut store, _) = Store::open(&folder.file()).unwrap();
    store.append(&[StoreRecord::Job(job("J1"))]).unwrap();
    store.close().unwrap();
    assert!(Store::open(&folder.file()).unwrap().1.restart_needed);
}

#[test]
fn a_second_stack_is_refused() {
    let folder = Folder::new("second");
    let (store, _) = Store::open(&folder.file()).unwrap();
    let failure = Store::open(&folder.file()).err().unwrap();
    assert_eq!(failure.code, Code::StoreUnavailable);
    assert!(failure.message.contains("another stack holds"), "{failure}");
    store.close().unwrap();
    assert!(Store::open(&folder.file()).is_ok());
}

#[test]
fn a_changed_past_is_refused_with_its_entry() {
    let folder = Folder::new("changed");
    let (mut store, _) = Store::open(&folder.file()).unwrap();
    store.append(&seed(&mut Ledger::default(), 5)).unwrap();
    store.close().unwrap();
    let raw = Connection::open(folder.file()).unwrap();
    raw.execute("UPDATE ledger SET body = replace(body, 'A2', 'A9') WHERE seq = 3", []).unwrap();
    drop(raw);
    let failure = Store::open(&folder.file()).err().unwrap();
    assert_eq!(failure.code, Code::StoreUnavailable);
    assert!(failure.message.contains("entry 3"), "{failure}");
}

#[test]
fn something_else_is_not_taken_for_a_store() {
    let folder = Folder::new("else");
    std::fs::write(folder.file(), "this is a shopping list, and not a database at all\n".repeat(100))
        .unwrap();
    assert_eq!(Store::open(&folder.file()).err().unwrap().code, Code::StoreUnavailable);
    std::fs::remove_file(folder.file()).unwrap();
    let raw = Connection::open(folder.file()).unwrap();
    raw.execute("CREATE TABLE recipes (name TEXT)", []).unwrap();
    drop(raw);
    let failure = Store::open(&folder.file()).err().unwrap();
    assert!(failure.message.contains("something else"), "{failure}");
    assert_eq!(Store::open(&folder.0.join("no/such/folder.db")).err().unwrap().code, Code::StoreUnavailable);
}

#[test]
fn a_full_disk_writes_nothing_by_halves() {
    let folder = Folder::new("full");
    let (mut store, _) = Store::open(&folder.file()).unwrap();
    let mut ledger = Ledger::default();
    store.append(&seed(&mut ledger, 2)).unwrap();
    let before = ledger.clone();
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let mut records = seed(&mut ledger, 400);
    records.push(StoreRecord::Job(job("J1")));
    let failure = store.append(&records).unwrap_err();
    assert_eq!(failure.code, Code::StoreUnavailable);
    let restored = store.restored().unwrap();
    assert_eq!((restored.ledger, restored.jobs), (before, Vec::new()));
}
