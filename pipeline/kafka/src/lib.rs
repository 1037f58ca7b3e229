//! Records in and out of Kafka.
