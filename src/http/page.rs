//! Owns the shopper's page as it is sent: the list of campaigns, and one campaign, readable before any script has run and where
//! none may. The scripts then show the same, live. Texts come from campaigns, so every one is escaped.

use std::fmt::{self, Display, Formatter, Write};

use bytes::Bytes;
use hyper::StatusCode;
use landrush_engine::campaign::{AvailabilityDisplay, CampaignView, Mode, Phase};
use landrush_engine::time::Timestamp;

use super::answer::Answer;
use super::availability::bucket;
use super::campaign_json::{CampaignState, edges, left, phase};
use super::lane::Lane;
use super::problem::{Code, Problem};
use super::reply_body::ReplyBody;
use super::{claims, web_files, widget};
use crate::app::Opened;
use crate::config::Auth;
use crate::text::rfc3339;
use crate::web;

const TEMPLATE: &str = "page/index.html";
/// Campaigns on the list before scripts add the rest.
const LISTED_MAX: usize = 100;
/// As that of availability: one second in a shared cache keeps a crowd off the server.
const CACHE_CONTROL: &str = "public, max-age=1";

/// `GET /`. While the log is still read back, the page says so, and its scripts wait.
pub(crate) fn list(lane: &Lane, opened: Result<&Opened, Problem>) -> Result<Answer, Problem> {
    let mut main = String::with_capacity(4096);
    let written = match opened {
        Ok(opened) => write_list(&opened.engine.directory().page(None, LISTED_MAX), lane.now(), &mut main),
        Err(_) => write!(
            main,
            "<h1>Coupon campaigns</h1>\n<p class=\"notice\">One moment: the campaigns appear here as soon as the shop is ready.</p>"
        ),
    };
    written.expect("a string takes all");
    let content = Content { title: "Coupon campaigns", view: "list", campaign: "", main: &main };
    html(lane, StatusCode::OK, &content).map(web_files::guarded)
}

/// `GET /c/{id}`. Unknown ids get a page too, for people follow old links.
pub(crate) fn campaign(lane: &Lane, opened: Result<&Opened, Problem>, id: &str) -> Result<Answer, Problem> {
    let now = lane.now();
    let found = opened.and_then(|opened| claims::living(opened, id)).map(|campaign| campaign.view(now));
    let mut main = String::with_capacity(2048);
    match found {
        Ok(view) => {
            write_campaign(&view, now, &mut main).expect("a string takes all");
            let title = &view.definition.name;
            let answer = html(lane, StatusCode::OK, &Content { title, view: "campaign", campaign: id, main: &main })?;
            Ok(match widget::policy(view.definition.protection.challenge) {
                Some(policy) => web_files::guarded_by(answer, policy),
                None => web_files::guarded(answer),
            })
        }
        Err(problem) => {
            // Where it may yet be had, the scripts ask on.
            let (title, words, view) = if problem.code == Code::NotFound {
                ("Not found", "There is no such campaign. The link may be old, or misspelt.", "notice")
            } else if problem.code == Code::Archived {
                ("Long over", "This campaign ended some time ago.", "notice")
            } else {
                ("One moment", "The campaign appears here as soon as the shop is ready.", "campaign")
            };
            write!(
                main,
                "<h1>{title}</h1>\n<p class=\"notice\">{words}</p>\n<p><a href=\"/\">See all campaigns</a></p>"
            )
            .expect("a string takes all");
            let content = Content { title, view, campaign: id, main: &main };
            let answer = web_files::guarded(html(lane, problem.code.status(), &content)?);
            Ok(match lane.retry(&problem) {
                Some(retry) => answer.with("retry-after", retry.seconds().to_string()),
                None => answer,
            })
        }
    }
}

/// What the template is filled with. `main` is markup, the rest is text.
struct Content<'a> {
    title: &'a str,
    view: &'a str,
    campaign: &'a str,
    main: &'a str,
}

fn html(lane: &Lane, status: StatusCode, content: &Content<'_>) -> Result<Answer, Problem> {
    let file = web::file(TEMPLATE).ok_or_else(|| Problem::new(Code::NotFound, "no such path"))?;
    let template = std::str::from_utf8(&file.bytes).expect("the page is UTF-8");
    let users = match &lane.app().config().auth {
        Auth::Trusted { .. } => "trusted",
        Auth::Tokens(_) => "jwt",
    };
    let page = filled(template, |name, out| match name {
        "title" => write!(out, "{} · landrush", Escaped(content.title)),
        "view" => out.write_str(content.view),
        "campaign" => write!(out, "{}", Escaped(content.campaign)),
        "users" => out.write_str(users),
        "main" => out.write_str(content.main),
        other => panic!("the page has no value for {other}"),
    });
    let answer = Answer {
        status,
        media_type: Some(file.media_type),
        body: ReplyBody::whole(Bytes::from(page)),
        headers: Vec::new(),
    };
    let cache_control = if status == StatusCode::OK { CACHE_CONTROL } else { "no-store" };
    Ok(answer.with("cache-control", cache_control))
}

/// `template` with `value` of each `{{name}}`. A value is not looked into again.
fn filled(template: &str, value: impl Fn(&str, &mut String) -> fmt::Result) -> String {
    let mut page = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        page.push_str(before);
        value(name, &mut page).expect("a string takes all");
        rest = after;
    }
    page.push_str(rest);
    page
}

fn write_list(
    campaigns: &[std::sync::Arc<landrush_engine::published::Published>],
    now: Timestamp,
    out: &mut String,
) -> fmt::Result {
    out.write_str("<h1>Coupon campaigns</h1>\n")?;
    if campaigns.is_empty() {
        return out
            .write_str("<p class=\"empty\">There is no campaign yet. Once the shop makes one, it appears here.</p>");
    }
    out.write_str("<ul class=\"campaigns\">\n")?;
    for campaign in campaigns {
        let view = campaign.view(now);
        let definition = &*view.definition;
        let (id, name) = (definition.id.as_str(), Escaped(&definition.name));
        write!(out, "<li class=\"campaign-row\"><div class=\"campaign-head\">")?;
        write!(out, "<h2><a class=\"campaign-name\" href=\"/c/{id}\">{name}</a></h2>")?;
        let phase = phase(&view, now);
        write_state(&view, phase, out)?;
        out.write_str("</div>")?;
        write_edges(&view, phase, out)?;
        out.write_str("</li>\n")?;
    }
    out.write_str("</ul>")
}

fn write_campaign(view: &CampaignView, now: Timestamp, out: &mut String) -> fmt::Result {
    let definition = &*view.definition;
    let phase = phase(view, now);
    write!(out, "<div class=\"campaign-title\"><h1>{}</h1>", Escaped(&definition.name))?;
    write_state(view, phase, out)?;
    out.write_str("</div>\n")?;
    write_edges(view, phase, out)?;
    let heading = if definition.mode == Mode::Lottery { "To be won" } else { "What is left" };
    write!(out, "\n<section class=\"stock\"><h2>{heading}</h2><ul class=\"stock-list\">\n")?;
    for (coupon_type, left) in left(view) {
        let (now_left, quota, when) = match coupon_type.daily_quota {
            Some(daily) => (left.today, daily, " today"),
            None => (left.total, coupon_type.total_quota, ""),
        };
        write!(out, "<li class=\"stock-row\"><p class=\"stock-name\">{}</p>", Escaped(&coupon_type.name))?;
        out.write_str("<p class=\"stock-words\">")?;
        match (definition.mode, definition.availability_display) {
            (Mode::Lottery, _) => write!(out, "{quota} to win")?,
            (Mode::FirstCome | Mode::Draw, AvailabilityDisplay::Exact) => {
                write!(out, "{now_left} of {} left", quota.max(now_left))?
            }
            (Mode::FirstCome | Mode::Draw, AvailabilityDisplay::Bucketed) => {
                out.write_str(bucket_words(bucket(now_left, quota)))?
            }
        }
        writeln!(out, "{when}</p></li>")?;
    }
    out.write_str("</ul></section>")
}

fn write_state(view: &CampaignView, phase: Phase, out: &mut String) -> fmt::Result {
    let state = CampaignState::of(view, phase);
    write!(out, "<span class=\"badge\" data-state=\"{}\">{}</span>", state.word(), state_words(state))
}

fn write_edges(view: &CampaignView, phase: Phase, out: &mut String) -> fmt::Result {
    let (opens_at, closes_at) = edges(view, phase);
    let (opens, closes) = match phase {
        Phase::Before { .. } | Phase::Between { .. } => ("Opens", "closes"),
        Phase::Open { .. } => ("Opened", "closes"),
        Phase::Over => ("Began", "ended"),
    };
    out.write_str("<p class=\"campaign-when\">")?;
    if let Some(opens_at) = opens_at {
        write!(out, "{opens} {}", Moment(opens_at))?;
    }
    if let Some(closes_at) = closes_at {
        write!(out, ", {closes} {}", Moment(closes_at))?;
    }
    out.write_str("</p>")
}

fn state_words(state: CampaignState) -> &'static str {
    match state {
        CampaignState::Scheduled => "Opens soon",
        CampaignState::Open => "Open now",
        CampaignState::Paused => "Paused",
        CampaignState::SoldOut => "Sold out",
        CampaignState::Closed => "Closed for now",
        CampaignState::Ended => "Ended",
        CampaignState::Cancelled => "Cancelled",
    }
}

fn bucket_words(bucket: &str) -> &'static str {
    match bucket {
        "plenty" => "Plenty left",
        "few" => "Few left",
        "last" => "Last ones",
        _ => "None left",
    }
}

/// A moment in UTC, since a server does not know where its readers are.
struct Moment(Timestamp);

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = rfc3339(self.0);
        let machine = std::str::from_utf8(&bytes).expect("a time is ASCII");
        let (day, time) = machine.split_once('T').expect("a time has a day");
        let minutes = time.get(..5).expect("a time has minutes");
        write!(f, "<time datetime=\"{machine}\">{day} {minutes} UTC</time>")
    }
}

/// Text between tags or in a quoted attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let name = "<script>alert('1')</script> & \"more\"";
        let escaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;more&quot;";
        assert_eq!(Escaped(name).to_string(), escaped);
    }

    #[test]
    fn what_is_filled_in_is_not_looked_into_again() {
        let value = |name: &str, out: &mut String| write!(out, "<{name}:{{{{b}}}}>");
        assert_eq!(filled("x {{a}} y {{b}} z {{", value), "x <a:{{b}}> y <b:{{b}}> z {{");
    }

    #[test]
    fn the_template_names_only_what_there_is() {
        let file = web::file(TEMPLATE).expect("the page");
        let template = std::str::from_utf8(&file.bytes).expect("UTF-8");
        let names = std::cell::RefCell::new(Vec::new());
        filled(template, |name, _| {
            names.borrow_mut().push(name.to_owned());
            Ok(())
        });
        let mut names = names.into_inner();
        names.sort_unstable();
        assert_eq!(names, ["campaign", "main", "title", "users", "view"]);
    }
}
