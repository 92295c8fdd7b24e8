/// Why a read model cannot be advanced or asked.
public enum ProjectionError: Error, Equatable, CustomStringConvertible {
    /// Another worker has taken the lease: nothing was written.
    case leaseLost(projection: String)
    /// The stored rows were made by another version of the fold.
    case rebuildNeeded(projection: String, stored: Int, program: Int)
    /// A rebuild is under way, by the version of the fold that this program has.
    case rebuilding(projection: String, progress: RebuildProgress)
    /// The read model did not reach the wanted position in time.
    case lagging(projection: String, position: Int64, wanted: Int64)
    /// A rebuild found other rows than the live ones, made by the same version of the fold.
    case differs(projection: String, episodes: Int, examples: [String])

    /// Whether another version of the fold has written the rows: the events answer all the same.
    public var isAboutVersion: Bool {
        switch self {
        case .rebuildNeeded, .rebuilding: true
        case .leaseLost, .lagging, .differs: false
        }
    }

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .leaseLost(let name):
            "another worker has taken over \(name); nothing was written here"
        case .rebuildNeeded(let name, 0, _):
            "\(name) has not been built yet: `episode-ledger projections run` keeps it up to date"
        case .rebuildNeeded(let name, let stored, let program) where stored > program:
            "\(name) was built by version \(stored) of its fold and this program has version "
                + "\(program): use a newer program"
        case .rebuildNeeded(let name, let stored, let program):
            "\(name) was built by version \(stored) of its fold and this program has version "
                + "\(program): a worker of this program builds it anew beside the old one"
        case .rebuilding(let name, let progress):
            "\(name) is being rebuilt for this version of the program: \(progress.folded) of "
                + "\(progress.events) events done, by \(progress.holder)"
        case .lagging(let name, let position, let wanted):
            "\(name) has reached position \(position) of \(wanted) and the worker that holds its "
                + "lease has not got further in time: try again, or use --stale-ok"
        case .differs(let name, let episodes, let examples):
            "the rebuilt \(name) differs from the live one in \(episodes) episodes "
                + "(\(examples.joined(separator: ", "))) although the fold is the same; the live "
                + "one stays: see why, or use --accept-differences"
        }
    }
}
