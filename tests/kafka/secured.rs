//! A broker that lets in only whom it knows: TLS, SASL by password (SCRAM) or by signed token (OAUTHBEARER),
//! and an authorizer that allows nothing by itself.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::OnceLock;

use kafka::{Admin, Connection};

use super::ASK;
use super::issuer::Issuer;
use super::jvm;
use super::node::{Node, Port, QUICK, cache, copies};

/// A user who may do everything.
pub const OPERATOR: &str = "operator";
/// A user who may do nothing.
pub const STRANGER: &str = "stranger";
/// Users who may do nothing until they are allowed to.
pub const PUBLISH: &str = "publish";
/// Likewise.
pub const CUT: &str = "cut";
/// Likewise.
pub const OBSERVE: &str = "observe";
/// Likewise.
pub const SCORE: &str = "score";

/// A running broker with a certificate and users of its own.
pub struct Secured {
    node: Node,
    /// Signs the tokens that it accepts.
    pub issuer: Issuer,
    /// Listens without security, for the broker itself and for setting up: whoever comes here may do
    /// everything.
    inner_port: Port,
}

impl Secured {
    /// The one that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Secured> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let node = Node::new(1);
        let folder = node.folder.path().to_owned();
        let issuer = Issuer::new(&folder, "issuer");
        std::fs::write(folder.join("issuer.json"), issuer.key_set()).unwrap();
        let mut secured = Self { node, issuer, inner_port: Port::claim() };
        let trusts = format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={}", secured.key_set());
        secured.node.options.push(trusts);
        certificate(&folder, "broker");
        certificate(&folder, "other");
        let settings = settings(&secured);
        format_storage(&secured.node, &settings);
        secured.node.launch(&settings, "256m");
        let admin = Admin::new(&secured.connection_inside("waiting"), ASK).unwrap();
        let address = format!("127.0.0.1:{}", secured.inner_port.number);
        secured.node.wait_until(|| admin.brokers().is_ok_and(|brokers| brokers.contains(&address)));
        secured
    }

    /// The password of a user.
    pub fn password(user: &str) -> String {
        format!("{user}-knows-it")
    }

    /// An issuer whose tokens it does not accept.
    pub fn other_issuer(&self) -> Issuer {
        Issuer::new(self.node.folder.path(), "other-issuer")
    }

    /// Where it finds the key of the issuer.
    fn key_set(&self) -> String {
        format!("file://{}/issuer.json", self.node.folder.path().display())
    }

    /// How somebody reaches it whose token is in a file.
    pub fn connection_by_token(&self, file: &Path) -> Connection {
        let mut connection = self.connection("by-token", "");
        connection.properties.retain(|name, _| !name.starts_with("sasl."));
        let file = file.to_str().unwrap();
        let properties = [("sasl.mechanism", "OAUTHBEARER"), ("sasl.oauthbearer.token.file", file)];
        connection.properties.extend(properties.map(|(name, value)| (name.to_owned(), value.to_owned())));
        connection
    }

    /// How a user reaches it.
    pub fn connection(&self, user: &str, password: &str) -> Connection {
        let mut connection = Connection::new(self.node.address(), user);
        let ca = self.ca();
        let properties = [
            ("security.protocol", "SASL_SSL"),
            ("ssl.ca.location", ca.to_str().unwrap()),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", user),
            ("sasl.password", password),
        ];
        connection.properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        connection
    }

    /// The certificate to trust.
    pub fn ca(&self) -> PathBuf {
        self.node.folder.path().join("broker.pem")
    }

    /// A certificate that is not the broker's.
    pub fn other_ca(&self) -> PathBuf {
        self.node.folder.path().join("other.pem")
    }

    /// Where users find it.
    pub fn bootstrap(&self) -> String {
        self.node.address()
    }

    /// Runs a command of `kafka-acls.sh`, as its operator would.
    pub fn acls(&self, command: &str) -> Child {
        self.change_acls(&["--add"], command)
    }

    /// The reverse of a command that adds rights.
    pub fn take_acls_away(&self, command: &str) -> Child {
        self.change_acls(&["--remove", "--force"], command)
    }

    fn change_acls(&self, change: &[&str], command: &str) -> Child {
        let (_, rights) = command.split_once(" --add ").expect("it adds rights");
        jvm::tool("org.apache.kafka.tools.AclCommand", &format!("127.0.0.1:{}", self.inner_port.number))
            .args(change)
            .args(rights.split_whitespace())
            .spawn()
            .unwrap()
    }

    /// How it is set up.
    pub fn connection_inside(&self, client_id: &str) -> Connection {
        Connection::new(format!("127.0.0.1:{}", self.inner_port.number), client_id)
    }
}

/// Makes a certificate that vouches for itself, NAME.pem, and a keystore with it, NAME-keystore.pem.
fn certificate(folder: &Path, name: &str) {
    let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                     -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1";
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .args(["-keyout", &key, "-out", &certificate])
        .current_dir(folder)
        .output()
        .expect("openssl is missing; run: make setup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let both = read(&key) + &read(&certificate);
    std::fs::write(folder.join(format!("{name}-keystore.pem")), both).unwrap();
}

/// Formats the storage anew, with the users in it.
fn format_storage(node: &Node, settings: &str) {
    let file = node.folder.path().join("format.properties");
    std::fs::write(&file, settings).unwrap();
    std::fs::remove_dir_all(node.data()).unwrap();
    let mut command = Command::new("java");
    command
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(cache().join("lib/*"))
        .args(["kafka.tools.StorageTool", "format", "--cluster-id", "4L6g3nShT-eMCtK--X86sw", "--config"])
        .arg(&file);
    for user in [OPERATOR, STRANGER, PUBLISH, CUT, OBSERVE, SCORE] {
        let password = Secured::password(user);
        command.args(["--add-scram", &format!("SCRAM-SHA-512=[name={user},password={password}]")]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn settings(secured: &Secured) -> String {
    let node = &secured.node;
    let (outer, inner) = (node.client_port.number, secured.inner_port.number);
    format!(
        "{QUICK}{}node.id=1
controller.quorum.voters={}
listeners=SASL_SSL://127.0.0.1:{outer},INNER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{}
advertised.listeners=SASL_SSL://127.0.0.1:{outer},INNER://127.0.0.1:{inner}
listener.security.protocol.map=SASL_SSL:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INNER
sasl.enabled.mechanisms=SCRAM-SHA-512,OAUTHBEARER
connections.max.reauth.ms=3600000
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
sasl.oauthbearer.jwt.validator.class=org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator
sasl.oauthbearer.jwks.endpoint.url={}
sasl.oauthbearer.expected.audience=kafka
sasl.oauthbearer.clock.skew.seconds=0
ssl.keystore.type=PEM
ssl.keystore.location={}/broker-keystore.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{OPERATOR}
log.dirs={}
",
        copies(1, 1),
        node.voter(),
        node.controller_port.number,
        secured.key_set(),
        node.folder.path().display(),
        node.data().display()
    )
}
