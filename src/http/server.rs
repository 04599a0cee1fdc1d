//! The threads that serve: one runtime on each, nothing shared between them.
//!
//! The main thread accepts and deals connections out in turn, which is more even than letting the
//! kernel choose when there are few. A thread owns its connections, its lanes, and the service.

mod closing;
mod renewal;

use super::{
    clock::Clocks,
    connection::{self, Shared},
    listener::{Accepted, Listener},
    neighbours::{Crowd, Neighbour, Neighbours},
    tls::Current,
};
use crate::{
    builtin::info::Facts,
    event::Observer,
    lane::LaneState,
    postgres::Target,
    service::{Service, Serving},
};
use renewal::{RENEWAL_PERIOD, REPLACING, Renewal};
use std::{
    cell::RefCell,
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::LocalSet,
    time::{Instant, MissedTickBehavior, timeout_at},
};

/// How often connections are looked at that take too long.
const SWEEP: Duration = Duration::from_millis(500);
/// How long a thread that ends may take to tell the audit trail what it refused.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long to wait after the kernel refused to accept, as when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a thread may take to say what it waits for.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

/// What to serve: the service and where its database is.
#[derive(Clone)]
pub struct Served {
    /// The service.
    pub service: Arc<Service>,
    /// Its database, when it has one.
    pub target: Option<Arc<Target>>,
}

/// How far the process is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It serves.
    Serving,
    /// It serves on, and callers are to go elsewhere.
    Leaving,
    /// It takes no more connections, and no more requests on those there are.
    Closing,
}

enum Command {
    Connection(Accepted, Counted),
    Serve(Served),
    Renew(Arc<Target>),
    WhatIsMissing(oneshot::Sender<Option<String>>),
    HowAreTheLanes(oneshot::Sender<Vec<LaneState>>),
    Stop,
}

/// The threads that serve.
pub struct Server {
    workers: Vec<mpsc::UnboundedSender<Command>>,
    threads: RefCell<Vec<JoinHandle<()>>>,
    open: Arc<AtomicUsize>,
    stage: watch::Sender<Stage>,
    places: Arc<Semaphore>,
    crowd: RefCell<Crowd>,
}

/// Counts a connection from its being accepted to its end, and holds its place.
struct Counted {
    count: Arc<AtomicUsize>,
    place: Option<OwnedSemaphorePermit>,
    // Counts among its address's until it is dropped.
    _neighbour: Option<Neighbour>,
}

impl Counted {
    fn new(
        count: &Arc<AtomicUsize>,
        place: Option<OwnedSemaphorePermit>,
        neighbour: Option<Neighbour>,
    ) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self { count: Arc::clone(count), place, _neighbour: neighbour }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        drop(self.place.take());
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Server {
    /// Starts `threads` threads that serve `served`.
    ///
    /// # Errors
    /// When a thread cannot be had.
    pub fn start(
        served: &Served,
        threads: usize,
        facts: &Arc<Facts>,
        observer: &Observer,
        tls: Option<&Current>,
    ) -> io::Result<Self> {
        let (stage, watching) = watch::channel(Stage::Serving);
        let open = Arc::new(AtomicUsize::new(0));
        let mut workers = Vec::new();
        let mut handles = Vec::new();
        for index in 0..threads {
            let (commands, inbox) = mpsc::unbounded_channel();
            let setup = Setup {
                served: served.clone(),
                threads,
                facts: Arc::clone(facts),
                observer: Arc::clone(observer),
                stage: watching.clone(),
                tls: tls.cloned(),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let thread =
                std::thread::Builder::new().name(format!("serve-{index}")).spawn(move || {
                    let local = LocalSet::new();
                    local.block_on(&runtime, work(setup, inbox));
                })?;
            workers.push(commands);
            handles.push(thread);
        }
        let config = &served.service.config;
        let places = Arc::new(Semaphore::new(config.limits.connections));
        let crowd = RefCell::new(Crowd::of(config));
        Ok(Self { workers, threads: RefCell::new(handles), open, stage, places, crowd })
    }

    /// Accepts connections until [`Server::stop_accepting`]; those that the kernel had completed by
    /// then are accepted still, and of a `shared` address those that had begun. There, none is accepted
    /// before the lanes are connected: whoever shares it serves as well as ever.
    pub async fn accept(&self, listener: Listener, shared: bool) {
        let mut stage = self.stage.subscribe();
        if shared {
            tokio::select! {
                () = self.until_ready() => {}
                _ = stage.wait_for(|stage| *stage == Stage::Closing) => {}
            }
        }
        let mut turn = 0;
        let neighbours = Neighbours::default();
        let mut hand_out = |accepted: Accepted, place| {
            let Ok(neighbour) = neighbours.admit(&accepted, &self.crowd.borrow()) else { return };
            turn = (turn + 1) % self.workers.len();
            let counted = Counted::new(&self.open, place, neighbour);
            let _ = self.workers[turn].send(Command::Connection(accepted, counted));
        };
        loop {
            let next = async {
                // Waiting for a place before accepting leaves the rest in the kernel's queue.
                let place = Arc::clone(&self.places).acquire_owned().await.ok();
                (listener.accept().await, place)
            };
            tokio::select! {
                biased;
                _ = stage.wait_for(|stage| *stage == Stage::Closing) => break,
                (accepted, place) = next => match accepted {
                    Ok(accepted) => hand_out(accepted, place),
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                }
            }
        }
        closing::accept_last(&listener, shared, |accepted| hand_out(accepted, None)).await;
        closing::close(listener, |accepted| hand_out(accepted, None));
    }

    /// Sends callers elsewhere: each answer closes its connection. New ones are still accepted.
    pub fn send_away(&self) {
        self.stage.send_replace(Stage::Leaving);
    }

    /// Has [`Server::accept`] come to its end.
    pub fn stop_accepting(&self) {
        self.stage.send_replace(Stage::Closing);
    }

    /// Serves something else, each thread as soon as its lanes are connected; requests that have begun
    /// end as they began.
    pub fn replace(&self, served: &Served) {
        self.crowd.replace(Crowd::of(&served.service.config));
        for worker in &self.workers {
            let _ = worker.send(Command::Serve(served.clone()));
        }
    }

    /// Serves the same with connections of `target`, once each thread has some.
    pub fn renew(&self, target: &Arc<Target>) {
        for worker in &self.workers {
            let _ = worker.send(Command::Renew(Arc::clone(target)));
        }
    }

    /// What the threads still wait for before they can serve everything; empty when they can.
    pub async fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for worker in &self.workers {
            let (reply, answer) = oneshot::channel();
            let _ = worker.send(Command::WhatIsMissing(reply));
            match tokio::time::timeout(ASK_TIMEOUT, answer).await {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(what))) => missing.push(what),
                _ => missing.push("a thread that does not answer".to_owned()),
            }
        }
        missing.dedup();
        missing
    }

    /// Waits until nothing is missing, or for [`REPLACING`]: a database that is away is not waited for.
    async fn until_ready(&self) {
        let latest = Instant::now() + REPLACING;
        while Instant::now() < latest && !self.missing().await.is_empty() {
            tokio::time::sleep(RENEWAL_PERIOD).await;
        }
    }

    /// How it stands with every lane, its threads taken together. A thread that does not answer in
    /// time is left out.
    pub async fn lane_states(&self) -> Vec<LaneState> {
        let ask = |worker: &mpsc::UnboundedSender<Command>| {
            let (reply, answer) = oneshot::channel();
            let _ = worker.send(Command::HowAreTheLanes(reply));
            answer
        };
        // All are asked before one is waited for.
        let answers: Vec<_> = self.workers.iter().map(ask).collect();
        let end = Instant::now() + ASK_TIMEOUT;
        let mut lanes: Vec<LaneState> = Vec::new();
        for answer in answers {
            let Ok(Ok(states)) = timeout_at(end, answer).await else { continue };
            for state in states {
                match lanes.iter_mut().find(|it| it.lane == state.lane) {
                    Some(sum) => sum.add(&state),
                    None => lanes.push(state),
                }
            }
        }
        lanes
    }

    /// Callers' connections that are open.
    pub fn open_connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes no more requests, waits until none is in flight or `deadline` has passed, and ends
    /// the threads. Gives how many connections were cut off.
    pub async fn drain(&self, deadline: Duration) -> usize {
        self.stop_accepting();
        let end = Instant::now() + deadline;
        while self.open.load(Ordering::Acquire) > 0 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let unfinished = self.open.load(Ordering::Acquire);
        for worker in &self.workers {
            let _ = worker.send(Command::Stop);
        }
        for thread in self.threads.take() {
            let _ = thread.join();
        }
        unfinished
    }
}

/// What a thread starts with.
struct Setup {
    served: Served,
    threads: usize,
    facts: Arc<Facts>,
    observer: Observer,
    stage: watch::Receiver<Stage>,
    tls: Option<Current>,
}

impl Setup {
    /// Lanes of `before` are taken over where they are the same.
    fn serving(&self, before: Option<&Serving>, served: &Served) -> Serving {
        Serving::open(
            before,
            Arc::clone(&served.service),
            served.target.as_ref(),
            self.threads,
            Arc::clone(&self.facts),
            &self.observer,
        )
    }
}

/// A thread's life: it ends when it is told to, or when the server is gone.
async fn work(setup: Setup, mut inbox: mpsc::UnboundedReceiver<Command>) {
    let shared = Rc::new(Shared {
        serving: RefCell::new(Rc::new(setup.serving(None, &setup.served))),
        observer: Arc::clone(&setup.observer),
        clocks: Clocks::default(),
        tls: setup.tls.clone(),
        stage: setup.stage.clone(),
    });
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewal = None;
    let mut service = Arc::clone(&setup.served.service);
    loop {
        tokio::select! {
            command = inbox.recv() => match command {
                None | Some(Command::Stop) => {
                    let serving = Rc::clone(&shared.serving.borrow());
                    let _ = tokio::time::timeout(LAST_WORDS, serving.finish_refusals()).await;
                    return;
                }
                Some(Command::Connection(accepted, counted)) => {
                    let shared = Rc::clone(&shared);
                    tokio::task::spawn_local(async move {
                        connection::serve(accepted, shared).await;
                        drop(counted);
                    });
                }
                Some(Command::Renew(target)) => {
                    let served = Served { service: Arc::clone(&service), target: Some(target) };
                    drop(renewal.take());
                    let serving = setup.serving(None, &served);
                    let serving = serving.going_on_from(&shared.serving.borrow());
                    renewal = Renewal::begin(&shared, Rc::new(serving), None);
                }
                Some(Command::Serve(served)) => {
                    service = Arc::clone(&served.service);
                    drop(renewal.take());
                    let serving = {
                        let before = shared.serving.borrow();
                        Rc::new(setup.serving(Some(&before), &served).going_on_from(&before))
                    };
                    let latest = Some(Instant::now() + REPLACING);
                    renewal = Renewal::begin(&shared, serving, latest);
                }
                Some(Command::WhatIsMissing(reply)) => {
                    let missing = shared.serving.borrow().waits_for();
                    let _ = reply.send(missing);
                }
                Some(Command::HowAreTheLanes(reply)) => {
                    let _ = reply.send(shared.serving.borrow().lane_states());
                }
            },
            _ = sweep.tick() => {
                let (idle, header) = {
                    let limits = &shared.serving.borrow().service.config.limits;
                    (limits.idle_timeout, limits.header_timeout)
                };
                shared.clocks.sweep(idle, header);
                let serving = Rc::clone(&shared.serving.borrow());
                serving.tidy();
                serving.tell_refusals();
            }
        }
    }
}
