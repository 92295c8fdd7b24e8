import Glibc
import NIOCore
import Postgres
import Synchronization

/// Threads of their own for what is folded for an answer, so that those that serve always have a
/// processor.
///
/// They run at a lower priority than all others: a fold may take seconds, and an append takes
/// milliseconds.
final class FoldThreads: TaskExecutor {
    /// Those of this process, which last as long as it.
    static let shared = FoldThreads()

    /// As they show in the list of the process's threads.
    static let name = "folds"
    /// As `nice` counts.
    private static let niceness: CInt = 10

    private let jobs = Mutex(CircularBuffer<UnownedJob>())
    private let arrivals = Arrivals()

    private init() {
        let number = max(2, System.coreCount / 2)
        let started = (0..<number).count { _ in BlockingCalls.onHelperThread { self.run() } }
        precondition(started > 0, "the system has no thread for folds")
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        arrivals.signal()
    }

    private func run() {
        nameThread()
        // Of this thread alone, as Linux counts.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        let executor = asUnownedTaskExecutor()
        while true {
            arrivals.wait()
            jobs.withLock { $0.popFirst() }?.runSynchronously(on: executor)
        }
    }

    /// For whoever looks at what keeps the machine busy.
    private func nameThread() {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = write(file, Self.name, Self.name.utf8.count)
        close(file)
    }
}
