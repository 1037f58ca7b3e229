use proptest::prelude::*;

use super::*;

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn is_held(prefix_text: &str, uri: &str) -> bool {
    uri.parse::<Address>().is_ok_and(|address| prefix(prefix_text).holds(&address))
}

#[test]
fn what_lies_below_a_prefix_is_held_however_it_is_spelled() {
    for (prefix, uri) in [
        ("file:///srv/media/", "file:///srv/media/a.webm"),
        ("file:///srv/media", "FILE:///srv/media/b/c/a.webm"),
        ("file:///", "file:///a"),
        ("https://media.example.org/exams/", "HTTPS://Media.Example.ORG:443/exams/a"),
        ("http://media.example.org:80/", "http://media.example.org/a"),
        ("http://[::1]:8080/x", "http://[0:0::1]:8080/x/y"),
        ("s3://bucket/prefix/", "s3://bucket/prefix/a=1/b@2,(3).webm"),
        ("s3://bucket", "s3://bucket/a"),
    ] {
        assert!(is_held(prefix, uri), "{uri} lies below {prefix}");
    }
}

#[test]
fn what_leads_elsewhere_or_could_be_read_in_two_ways_is_not() {
    let files = "file:///srv/media/";
    for uri in [
        "",
        "/srv/media/a",
        "file:/srv/media/a",
        "file://srv/media/a",
        "file://localhost/srv/media/a",
        "file:///srv/media",
        "file:///srv/media/",
        "file:///srv/media//a",
        "file:///srv/media/.",
        "file:///srv/media/../secret",
        "file:///srv/media/x/../../secret",
        "file:///srv/media/%2e%2e/secret",
        "file:///srv/media/%2E./secret",
        "file:///srv/media/..%2fsecret",
        "file:///srv/media/..\\secret",
        "file:///srv/media/a\0b",
        "file:///srv/media/a\nb",
        "file:///srv/media/größe",
        "file:///srv/media/\u{ff0e}\u{ff0e}/secret",
        "file:///srv/media/a?b",
        "file:///srv/media/a#b",
        "file:///srv/media2/a",
        "file:///srv/mediaa",
        "file:///etc/passwd",
        " file:///srv/media/a",
    ] {
        assert!(!is_held(files, uri), "{uri:?} is not below {files}");
    }
    let web = "https://media.example.org/exams/";
    for uri in [
        "http://media.example.org/exams/a",
        "https://media.example.org/a",
        "https://media.example.org/exams",
        "https://media.example.org/exams/../a",
        "https://media.example.org:8443/exams/a",
        "https://media.example.org./exams/a",
        "https://media.example.org.evil.example/exams/a",
        "https://evil.example/media.example.org/exams/a",
        "https://media.example.org@evil.example/exams/a",
        "https://user:secret@media.example.org/exams/a",
        "https://media.example.org\\@evil.example/exams/a",
        "https://media.example.org%2eevil.example/exams/a",
        "https://media.example.org:/exams/a",
        "https://media.example.org:443:80/exams/a",
        "https:///exams/a",
        "https:media.example.org/exams/a",
        "http://169.254.169.254/latest/meta-data/",
        "http://0xa9fea9fe/latest",
        "http://[::ffff:169.254.169.254]/latest",
        "gopher://media.example.org/exams/a",
        "s3://media.example.org/exams/a",
    ] {
        assert!(!is_held(web, uri), "{uri:?} is not below {web}");
    }
    let bucket = "s3://bucket/prefix/";
    for uri in ["s3://bucket/other/a", "s3://bucket2/prefix/a", "s3:///prefix/a", "s3://../prefix/a"] {
        assert!(!is_held(bucket, uri), "{uri:?} is not below {bucket}");
    }
}

#[test]
fn what_is_told_of_a_mistake_says_where_it_is() {
    let error = |text: &str| text.parse::<Prefix>().unwrap_err();
    assert_eq!(error("/srv/media"), AddressError::Scheme);
    assert_eq!(error("ftp://host/"), AddressError::Scheme);
    assert_eq!(error("https://user@host/"), AddressError::Authority);
    assert_eq!(error("file://host/"), AddressError::Authority);
    assert_eq!(error("s3://bucket/a/../b"), AddressError::Path);
    assert_eq!(prefix("s3://bucket/a").join("../b"), Err(AddressError::Path));
}

fn schemes() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["file://", "http://h", "https://h:1", "s3://h", "s3://", "HTTP://H"])
}

proptest! {
    #[test]
    fn no_address_that_is_held_leads_out_of_its_prefix(
        scheme in schemes(),
        inside in "[a-c]{1,2}(/[a-c]{1,2}){0,2}",
        hostile in "[a-c./%2eEfF\\\\?#@: ]{0,16}",
    ) {
        let Ok(below) = format!("{scheme}/{inside}").parse::<Prefix>() else { return Ok(()) };
        for uri in [format!("{scheme}/{inside}{hostile}"), format!("{scheme}/{inside}/{hostile}")] {
            let Ok(address) = uri.parse::<Address>() else { continue };
            // As a file system or a server would walk it.
            let mut walked = Vec::new();
            for segment in address.path().split('/') {
                match segment {
                    "" | "." => {}
                    ".." => drop(walked.pop()),
                    name => walked.push(name),
                }
            }
            let wanted: Vec<&str> = inside.split('/').collect();
            let is_inside = walked.len() > wanted.len() && walked.starts_with(&wanted);
            prop_assert_eq!(below.holds(&address), is_inside, "{}", uri);
        }
    }

    #[test]
    fn an_address_is_read_as_it_is_written(
        scheme in schemes(),
        path in "[a-zA-Z0-9._~@:=-]{1,8}(/[a-zA-Z0-9._~-]{1,8}){0,3}",
    ) {
        if let Ok(address) = format!("{scheme}/{path}").parse::<Address>() {
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }
}
