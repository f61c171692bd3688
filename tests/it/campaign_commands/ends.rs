//! How the commands end when something is wrong: exit code and advice.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::json;
use socket2::{Domain, Socket, Type};

use super::program::{bare, command, said};
use crate::server::{ADMIN_KEY, Server};

fn at(address: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = bare(arguments);
    command.arg("--server").arg(format!("http://{address}"));
    command
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_server() {
    let server = Server::start("");
    for arguments in [&["campaign", "show"][..], &["campaign", "pause"], &["campaign", "watch"], &["export"]] {
        let refused = said(command(&server, &[arguments, &["no/such?campaign"]].concat())).expect(1);
        assert_eq!(refused.err_has("(404 not_found)").out, "", "{arguments:?}");
    }
}

#[test]
fn where_nobody_listens_it_is_said_what_was_tried() {
    // Bound, so that nobody else can be there, and not listening.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    let address = socket.local_addr().expect("bound").as_socket().expect("an address");
    for arguments in [
        &["campaign", "list"][..],
        &["campaign", "show", "sale"],
        &["campaign", "resume", "sale"],
        &["campaign", "watch", "sale"],
        &["export", "sale"],
    ] {
        let ended = said(at(address, arguments)).expect(3).err_has(&format!("http://{address} cannot be reached"));
        let ended = ended.err_has("landrush serve").err_has("LANDRUSH_SERVER");
        assert!(!ended.err.contains("may have been done") && ended.out.is_empty(), "{ended:?}");
    }
}

#[test]
fn a_server_of_another_kind_is_told_from_a_refusal() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let answers = [
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbad", "502"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}", "not understood"),
        ("SSH-2.0-OpenSSH\r\n", "gave no answer"),
        ("", "gave no answer"),
    ];
    for (answer, expected) in answers {
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| said(at(address, &["campaign", "pause", "sale"])));
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; 1024];
            assert!(std::io::Read::read(&mut stream, &mut request).expect("a request") > 0);
            std::io::Write::write_all(&mut stream, answer.as_bytes()).expect("answered");
            drop(stream);
            let ended = asked.join().expect("no panic").expect(3).err_has(expected);
            assert_eq!(ended.err.contains("may have been done"), expected == "gave no answer", "{}", ended.err);
        });
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_asked() {
    let check = |arguments: &[&str], told: &str| {
        let ended = said(bare(arguments)).expect(2).err_has(told);
        assert_eq!(ended.out, "");
    };
    check(&["campaign", "list", "--server", "https://shop.example"], "https is not spoken");
    check(&["campaign", "list", "--server", "shop.example:80"], "must be a URL");
    check(&["campaign", "create", "/no/such/file"], "/no/such/file");
    check(&["campaign", "create", "/dev/null"], "is empty");
    check(&["campaign", "create", "/dev/zero"], "is no campaign");
    check(&["campaign", "show"], "<ID>");
    check(&["export", "sale", "--format", "xml"], "xml");
    let mut odd = bare(&["campaign", "list", "--server", "http://127.0.0.1:1"]);
    odd.env("LANDRUSH_ADMIN_KEY", "seventeen secrets");
    let odd = said(odd).expect(2).err_has("LANDRUSH_ADMIN_KEY");
    assert!(!odd.err.contains("seventeen"), "{}", odd.err);
}

#[test]
fn the_key_comes_from_the_flag_the_environment_or_the_data_directory() {
    let server = Server::start("");
    server.client().campaign("sale", &json!({}));
    let (address, data_dir) = (server.address(), server.data_dir());
    let pause = || at(address, &["campaign", "pause", "sale", "--json"]);

    let mut flag = pause();
    flag.args(["--admin-key", ADMIN_KEY]).env("LANDRUSH_ADMIN_KEY", "not-this-one-0123456789");
    said(flag).expect(0);
    let mut elsewhere = pause();
    elsewhere.arg("--data-dir").arg(data_dir.join("none"));
    said(elsewhere).expect(1).err_has("(401 unauthorized)").err_has("No admin key was sent").err_has("--data-dir");
    let mut wrong = pause();
    wrong.env("LANDRUSH_ADMIN_KEY", "not-this-one-0123456789");
    let wrong = said(wrong).expect(1).err_has("(401 unauthorized)").err_has("the server has another");
    assert!(!wrong.err.contains("not-this-one"), "{}", wrong.err);

    let keys = data_dir.join("keys");
    let file = keys.join("admin.key");
    let beside = || {
        let mut beside = pause();
        beside.arg("--data-dir").arg(&data_dir);
        said(beside)
    };
    fs::create_dir_all(&keys).expect("a directory");
    fs::write(&file, format!("{ADMIN_KEY}\n")).expect("written");
    beside().expect(0);
    fs::write(&file, "not-this-one-0123456789\n").expect("written");
    let beside = beside().expect(1).err_has(&file.display().to_string());
    assert!(!beside.err.contains("not-this-one"), "{}", beside.err);
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
    let server = Server::start("");
    server.client().campaign("sale", &json!({}));
    for arguments in [
        &["campaign", "list"][..],
        &["campaign", "show", "sale", "--json"],
        &["campaign", "watch", "sale"],
        &["export", "sale"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut piped = command(&server, arguments);
        piped.stdout(writer).stderr(Stdio::piped());
        said(piped).expect(0).expect_nothing_said();

        let mut full = command(&server, arguments);
        full.stdout(fs::OpenOptions::new().write(true).open("/dev/full").expect("there")).stderr(Stdio::piped());
        said(full).expect(1).err_has("cannot write the output: No space left");
    }
}
