//! `landrush top`: a running server on a terminal, live. Owns the loop of keys and readings; what a reading is belongs to [`sample`],
//! what follows from two of them to [`figures`], and how it looks to [`view`].

mod figures;
mod metrics;
mod sample;
mod view;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::signal::unix::{SignalKind, signal};

use self::figures::Board;
use self::sample::Sample;
use self::view::Screen;
use super::api::{self, Api, Failure, ServerArguments};

/// How often the server is read.
const EVERY: Duration = Duration::from_secs(1);
/// How often the screen is drawn again, whatever happens: ages and countdowns move.
const REDRAW: Duration = Duration::from_millis(200);
/// The width of a frame that no terminal bounds.
const PLAIN_COLUMNS: u16 = 120;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Read twice, a second apart, print what follows once as plain text, and end.
    #[arg(long)]
    once: bool,
}

/// What comes to whoever draws.
enum News {
    /// The server as it is.
    Read(Sample),
    /// It did not answer, or refused.
    Missed(Failure),
    /// The process is told to end.
    Stop,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    api::run(async {
        let mut api = Api::new(&arguments.server)?;
        if arguments.once {
            return once(&mut api).await;
        }
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(Failure::Usage(String::from("top draws on a terminal: elsewhere use top --once")));
        }
        // A server that is not there, or a key that it does not take, is said before the screen is taken.
        let first = sample::read(&mut api).await?;
        let (send, news) = mpsc::sync_channel(1);
        // With a connection of its own: that of the first reading lives in this thread, which will only draw.
        let api = Api::new(&arguments.server)?;
        std::thread::spawn(move || read_on(api, &send));
        watch(first, &news).map_err(Failure::from)
    })
}

async fn once(api: &mut Api) -> Result<(), Failure> {
    let mut board = Board::default();
    board.take(sample::read(api).await?);
    tokio::time::sleep(EVERY).await;
    board.take(sample::read(api).await?);
    let text = view::plain(&board, PLAIN_COLUMNS);
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Reads the server again and again, until nobody listens or the process is told to end: then the terminal is to be given back.
fn read_on(mut api: Api, news: &SyncSender<News>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let Ok(mut terminated) = signal(SignalKind::terminate()) else { return };
        let Ok(mut hung_up) = signal(SignalKind::hangup()) else { return };
        let reading = async {
            loop {
                tokio::time::sleep(EVERY).await;
                let read = sample::read(&mut api).await.map_or_else(News::Missed, News::Read);
                if news.send(read).is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = reading => return,
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
        }
        // Who has ended already has given it back.
        drop(news.send(News::Stop));
    });
}

/// Draws until the user has seen enough. The terminal is given back however this ends, also by a panic.
fn watch(first: Sample, news: &Receiver<News>) -> io::Result<()> {
    let mut board = Board::default();
    board.take(first);
    let mut terminal = ratatui::try_init()?;
    let ended = draw_on(&mut terminal, &mut board, news);
    ratatui::try_restore()?;
    ended
}

fn draw_on(terminal: &mut DefaultTerminal, board: &mut Board, news: &Receiver<News>) -> io::Result<()> {
    let mut screen = Screen::default();
    let mut held = false;
    loop {
        while let Ok(reading) = news.try_recv() {
            match reading {
                News::Read(sample) if !held => board.take(sample),
                News::Read(_) => {}
                News::Missed(failure) => board.miss(failure.brief()),
                News::Stop => return Ok(()),
            }
        }
        terminal.draw(|frame| view::draw(board, &mut screen, Instant::now(), held, frame))?;
        if !event::poll(REDRAW)? {
            continue;
        }
        // A resize needs no more than the drawing that follows.
        if let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            match pressed(key) {
                Some(Press::Quit) => return Ok(()),
                Some(Press::Hold) => held = !held,
                Some(Press::Move(by)) => screen.select(by, board),
                Some(Press::Sort) => screen.sort = screen.sort.next(),
                Some(Press::Help) => screen.shows_help = !screen.shows_help,
                None => {}
            }
        }
    }
}

enum Press {
    Quit,
    Hold,
    Move(isize),
    Sort,
    Help,
}

fn pressed(key: KeyEvent) -> Option<Press> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Press::Quit);
    }
    if let KeyCode::Char(letter) = key.code {
        return match letter {
            'q' => Some(Press::Quit),
            'p' | ' ' => Some(Press::Hold),
            'j' => Some(Press::Move(1)),
            'k' => Some(Press::Move(-1)),
            's' => Some(Press::Sort),
            '?' | 'h' => Some(Press::Help),
            _ => None,
        };
    }
    if key.code == KeyCode::Esc {
        Some(Press::Quit)
    } else if key.code == KeyCode::Down {
        Some(Press::Move(1))
    } else if key.code == KeyCode::Up {
        Some(Press::Move(-1))
    } else {
        None
    }
}
