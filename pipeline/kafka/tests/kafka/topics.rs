//! Promise: topics are created as the table of them says, and doing it again changes nothing.

use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use kafka::{Admin, TopicSpec, Topics};

use crate::broker::Broker;
use crate::support::{PATIENCE, unique};

#[test]
fn all_topics_can_be_created_described_and_deleted() {
    let broker = Broker::shared();
    let admin = Admin::new(&broker.connection("topics"), PATIENCE).unwrap();
    assert_eq!(admin.brokers().unwrap(), [broker.bootstrap()]);
    let topics = Topics::new(&unique("prefix")).unwrap();
    let specs = topics.specs(3, 1);
    admin.create_topics(&specs).unwrap();
    admin.create_topics(&specs).unwrap();
    let all: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
    let found = admin.describe(&all).unwrap();
    for spec in &specs {
        let found = &found[&spec.name];
        assert_eq!((found.partitions, found.replication), (3, 1), "{}", spec.name);
        for (name, value) in &spec.configs {
            assert_eq!(found.configs.get(name), Some(value), "{}", spec.name);
        }
    }

    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    admin.delete_topics(&names).unwrap();
    admin.delete_topics(&names).unwrap();
    // Brokers hear of it a little later than whoever deletes.
    let began = Instant::now();
    while !admin.describe(&all[..1]).unwrap().is_empty() {
        assert!(began.elapsed() < PATIENCE, "it is still there");
    }
}

#[test]
fn a_setting_that_brokers_refuse_is_an_error() {
    let admin = Admin::new(&Broker::shared().connection("topics"), PATIENCE).unwrap();
    let configs = [("cleanup.policy".to_owned(), "burn".to_owned())].into();
    let spec = TopicSpec { name: unique("topic"), partitions: 1, replication: 1, configs };
    let error = admin.create_topics(&[spec]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fatal, "{error}");
}

#[test]
fn a_broker_that_is_not_there_is_waited_for_no_longer_than_asked() {
    let nowhere = kafka::Connection::new("127.0.0.1:1", "topics");
    let admin = Admin::new(&nowhere, Duration::from_millis(200)).unwrap();
    assert_eq!(admin.brokers().unwrap_err().kind(), ErrorKind::Transient);
}
