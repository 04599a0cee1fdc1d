//! The keeper's own routes: whether it lives, and whether it leads.

use super::Desk;
use crate::{
    hardening,
    http::api::{Entry, handler, json},
};
use http::{Method, StatusCode};
use serde_json::json;
use std::rc::Rc;

/// The routes that belong to no room.
pub(super) fn own(desk: &Rc<Desk>) -> Vec<Entry> {
    let at_desk = Rc::clone(desk);
    vec![
        Entry {
            method: Method::GET,
            path: "/live",
            summary: "Whether the process lives, and what confines it by the kernel's word",
            takes: None,
            gives: (
                200,
                json!({ "type": "object", "properties": { "live": { "const": true },
                    "confined": { "type": "object", "properties": {
                        "files": { "type": "boolean" }, "system_calls": { "type": "boolean" } } } } }),
            ),
            open: true,
            handler: handler(|_| async {
                let hardening::InForce { files, system_calls } = hardening::in_force();
                let confined = json!({ "files": files, "system_calls": system_calls });
                Ok(json(StatusCode::OK, &json!({ "live": true, "confined": confined })))
            }),
        },
        Entry {
            method: Method::GET,
            path: "/ready",
            summary: "Whether this keeper leads; 503 while it waits",
            takes: None,
            gives: (
                200,
                json!({ "type": "object", "required": ["ready"], "properties": {
                    "ready": { "type": "boolean" }, "epoch": { "type": "integer" },
                    "waits_for": { "type": "string" } } }),
            ),
            open: true,
            handler: handler(move |_| {
                let desk = Rc::clone(&at_desk);
                async move {
                    Ok(match desk.epoch() {
                        Some(epoch) => {
                            json(StatusCode::OK, &json!({ "ready": true, "epoch": epoch }))
                        }
                        None => json(
                            StatusCode::SERVICE_UNAVAILABLE,
                            &json!({ "ready": false, "waits_for": desk.waits_for() }),
                        ),
                    })
                }
            }),
        },
    ]
}
