"use strict";
// A peer made of the package `smpp`, led by lines of JSON on stdin; what happens comes back as lines of JSON.
// A command {"id", "do", …} is answered by {"id", …}; everything else that comes is {"event", …}.
// Octets are {"hex": "…"} both ways.

const fs = require("fs");
const readline = require("readline");
const smpp = require("smpp");

let client = null;
let server = null;
const sessions = new Set();
const told = { receipts: true, statuses: [], deliver_status: 0, quiet: false };
const counts = { submits: 0, receipts: 0, answered: 0 };
let ids = 0;

function say(line) {
    process.stdout.write(JSON.stringify(line) + "\n");
}

function shown(value) {
    if (Buffer.isBuffer(value)) return { hex: value.toString("hex") };
    if (value instanceof Date) return value.toISOString();
    if (Array.isArray(value)) return value.map(shown);
    if (value && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shown(each)]));
    }
    return value;
}

function read(value) {
    if (Array.isArray(value)) return value.map(read);
    if (value && typeof value === "object") {
        if (typeof value.hex === "string") return Buffer.from(value.hex, "hex");
        return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, read(each)]));
    }
    return value;
}

// as a client

function connect(command) {
    const options = { host: "127.0.0.1", port: command.port, tls: !!command.tls };
    if (command.tls) options.rejectUnauthorized = true;
    if (command.ca) options.ca = fs.readFileSync(command.ca);
    if (command.cert) {
        options.cert = fs.readFileSync(command.cert);
        options.key = fs.readFileSync(command.key);
    }
    client = new smpp.Session(options);
    client.on(command.tls ? "secureConnect" : "connect", () => say({ id: command.id, connected: true }));
    client.on("error", (error) => say({ event: "error", message: error.message, code: error.code }));
    client.on("close", () => say({ event: "close" }));
    client.on("unknown", (pdu) => say({ event: "unknown", pdu: shown(pdu) }));
    client.on("pdu", (pdu) => {
        if (pdu.isResponse()) return;
        say({ event: "pdu", pdu: shown(pdu) });
        if (pdu.command === "enquire_link" || pdu.command === "unbind") client.send(pdu.response());
        if (pdu.command === "deliver_sm" || pdu.command === "data_sm") {
            client.send(pdu.response({ command_status: told.deliver_status }));
        }
    });
}

// as a server

function listen(command) {
    const options = {};
    if (command.cert) {
        options.cert = fs.readFileSync(command.cert);
        options.key = fs.readFileSync(command.key);
        if (command.ca) {
            options.ca = fs.readFileSync(command.ca);
            options.requestCert = true;
            options.rejectUnauthorized = true;
        }
    }
    server = smpp.createServer(options, (session) => serve(session, command.accounts));
    server.on("error", (error) => say({ event: "error", message: error.message }));
    server.listen(0, "127.0.0.1", () => say({ id: command.id, port: server.address().port }));
}

function serve(session, accounts) {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", (error) => say({ event: "error", message: error.message }));
    session.on("pdu", (pdu) => {
        if (!told.quiet && !pdu.isResponse()) say({ event: "pdu", pdu: shown(pdu) });
        if (pdu.command.startsWith("bind_") && !pdu.isResponse()) bind(session, pdu, accounts);
        else if (pdu.command === "submit_sm") submit(session, pdu);
        else if (pdu.command === "submit_multi") session.send(pdu.response({ message_id: id() }));
        else if (pdu.command === "query_sm") session.send(pdu.response({ message_id: pdu.message_id, message_state: 2 }));
        else if (["enquire_link", "cancel_sm", "replace_sm"].includes(pdu.command)) session.send(pdu.response());
        else if (pdu.command === "unbind") {
            session.send(pdu.response());
            session.close();
        }
    });
}

function bind(session, pdu, accounts) {
    const wrong = accounts && accounts[pdu.system_id] !== pdu.password;
    session.send(pdu.response(wrong ? { command_status: smpp.ESME_RINVPASWD } : { system_id: "node" }));
    if (wrong) session.close();
}

function id() {
    ids += 1;
    return "node-" + ids;
}

function submit(session, pdu) {
    counts.submits += 1;
    const status = told.statuses.shift();
    if (status) {
        session.send(pdu.response({ command_status: status }));
        return;
    }
    const message_id = id();
    session.send(pdu.response({ message_id }));
    if (told.receipts && pdu.registered_delivery & 1) deliver(receipt(pdu, message_id), session);
}

function receipt(pdu, message_id) {
    counts.receipts += 1;
    const text = `id:${message_id} sub:001 dlvrd:001 submit date:2611181030 done date:2611181030 stat:DELIVRD err:000 text:`;
    return {
        source_addr: pdu.destination_addr,
        destination_addr: pdu.source_addr,
        esm_class: 4,
        short_message: text,
        receipted_message_id: message_id,
        message_state: 2,
    };
}

function deliver(fields, session, answer) {
    (session || [...sessions][0]).deliver_sm(fields, (pdu) => {
        counts.answered += 1;
        if (answer) answer(pdu);
    });
}

// commands

const commands = {
    connect,
    listen,
    request(command) {
        const sent = client[command.command](read(command.fields || {}), (pdu) => say({ id: command.id, pdu: shown(pdu) }));
        if (!sent) say({ id: command.id, error: "not connected" });
    },
    deliver(command) {
        deliver(read(command.fields), null, (pdu) => say({ id: command.id, pdu: shown(pdu) }));
    },
    raw(command) {
        (client ? [client] : [...sessions]).forEach((session) => session.socket.write(Buffer.from(command.hex, "hex")));
        say({ id: command.id });
    },
    ask(command) {
        [...sessions][0][command.command]({}, (pdu) => say({ id: command.id, pdu: shown(pdu) }));
    },
    tell(command) {
        Object.assign(told, command.told);
        say({ id: command.id });
    },
    counts(command) {
        say({ id: command.id, counts: counts });
    },
    drop(command) {
        (client ? [client] : [...sessions]).forEach((session) => session.destroy());
        say({ id: command.id });
    },
};

readline
    .createInterface({ input: process.stdin })
    .on("line", (line) => {
        const command = JSON.parse(line);
        try {
            commands[command.do](command);
        } catch (error) {
            say({ id: command.id, error: String(error && error.stack) });
        }
    })
    .on("close", () => process.exit(0));
say({ event: "ready" });
