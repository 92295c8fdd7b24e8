import CareEpisode
import FoundationEssentials
import Ledger

/// Who is sent to at the same time: receivers that take what they are sent have places that no others
/// can fill, however many never answer.
///
/// Pure: a function of what is under way and the time.
struct WebhookPlaces {
    /// The most webhooks that are sent to at the same time whose receivers took what came last.
    static let provenLimit = 16
    /// The most that were never sent to, or failed, or have kept the sender waiting.
    static let otherLimit = 48
    /// The most of those at one host and port, so that one receiver cannot fill all of their places.
    static let hostLimit = 8
    /// How long a receiver may take before it counts among the others.
    static let patience: Duration = .seconds(2)

    private struct Work {
        let isProven: Bool
        let host: String
        var since: ContinuousClock.Instant
    }

    private var works: [SubscriptionName: Work] = [:]

    /// Takes a place for what is due, where there is one.
    ///
    /// - Parameters:
    ///   - due: a webhook that has something to send.
    ///   - now: when that is.
    mutating func take(_ due: DueWebhook, at now: ContinuousClock.Instant) -> Bool {
        let host = Self.host(due.url)
        guard works[due.name] == nil else { return false }
        if due.isProven {
            // Those that took what came last and now hang have places of the others.
            guard works.count < Self.provenLimit + Self.otherLimit,
                works.values.count(where: { isQuick($0, now) }) < Self.provenLimit
            else { return false }
        } else {
            let others = works.values.filter { !isQuick($0, now) }
            guard others.count < Self.otherLimit,
                others.count(where: { $0.host == host }) < Self.hostLimit
            else { return false }
        }
        works[due.name] = Work(isProven: due.isProven, host: host, since: now)
        return true
    }

    /// The receiver took something: the next one is waited for from now on.
    mutating func answered(_ name: SubscriptionName, at now: ContinuousClock.Instant) {
        works[name]?.since = now
    }

    /// Nothing is sent to it any more.
    mutating func give(_ name: SubscriptionName) { works[name] = nil }

    /// Whether something proven has not been waited for too long.
    private func isQuick(_ work: Work, _ now: ContinuousClock.Instant) -> Bool {
        work.isProven && work.since.duration(to: now) < Self.patience
    }

    private static func host(_ url: String) -> String {
        guard let url = URL(string: url), let host = url.host() else { return url }
        return "\(host):\(url.port ?? (url.scheme == "https" ? 443 : 80))"
    }
}
