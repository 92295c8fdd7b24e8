import NIOCore
import Synchronization

/// The connections of clients: how many there may be, how many of one address, and who gives way where
/// places run short.
///
/// Whoever holds a place for nothing loses it to whoever comes: first those that were refused, then who
/// has asked for nothing at all, then the one that has waited for its next request, or has not read its
/// answers, for the longest time. What is being answered goes on.
final class Connections: Sendable {
    /// How many there may be.
    struct Limits: Sendable {
        /// In all; further ones wait in the system's queue.
        var most: Int
        /// Of these so many are for this machine alone, such as its probes.
        var reserved: Int
        /// Of one address; of an IPv6 address, of its network of 64 bits.
        var ofAddress: Int

        /// - Parameters:
        ///   - most: in all.
        ///   - ofAddress: of one address; nil for the usual number.
        init(most: Int, ofAddress: Int? = nil) {
            self.most = most
            reserved = min(16, most / 4)
            self.ofAddress = ofAddress ?? Connections.addressLimit
        }
    }

    /// The most connections of one address, unless said otherwise: 200 people with six connections
    /// each, as browsers have, are far below it.
    static let addressLimit = 2_048

    /// After so long a connection whose answers are not read gives way to others.
    private static let unread: Duration = .seconds(5)

    /// So long a new connection has for its first request before it gives way.
    private static let fresh: Duration = .milliseconds(500)

    /// How often it is looked for places while none is left.
    private static let look: TimeAmount = .milliseconds(100)

    /// A connection, and what it is doing.
    final class Place: Sendable {
        fileprivate let number: Int
        fileprivate let address: String?
        fileprivate let channel: any Channel
        private let connections: Connections
        private let doing = Mutex(Doing())

        private struct Doing {
            var isBusy = false
            /// Since when nothing is being worked on, or the system takes nothing more.
            var since = ContinuousClock.now
            var isUnread = false
            /// Whether it has asked for nothing yet.
            var isFresh = true
        }

        fileprivate init(
            _ number: Int,
            _ address: String?,
            _ channel: any Channel,
            _ connections: Connections
        ) {
            (self.number, self.address, self.channel) = (number, address, channel)
            self.connections = connections
        }

        /// A request is being answered.
        func beginsWork() {
            doing.withLock { doing in
                doing.isBusy = true
                doing.isFresh = false
            }
        }

        /// Nothing is being answered any more; what was answered may not be taken yet.
        func endsWork() {
            doing.withLock { doing in
                doing.isBusy = false
                doing.since = .now
            }
        }

        /// Everything was taken: where others wait for a place, this is one.
        func answered() {
            if connections.isFull { channel.close(promise: nil) }
        }

        /// Whether the system takes more of what is sent.
        func isWritable(_ isWritable: Bool) {
            doing.withLock { doing in
                doing.isUnread = !isWritable
                doing.since = .now
            }
        }

        /// Since when it is held for nothing, of who has asked for nothing at all a day longer; else nil.
        fileprivate func heldSince(_ now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
            doing.withLock { doing in
                if doing.isUnread {
                    return doing.since + Connections.unread <= now ? doing.since : nil
                }
                if doing.isBusy { return nil }
                guard doing.isFresh else { return doing.since }
                return doing.since + Connections.fresh > now ? nil : doing.since - .seconds(86_400)
            }
        }
    }

    private struct State {
        var places: [Int: Place] = [:]
        var ofAddress: [String: Int] = [:]
        var refused: Set<Int> = []
        /// Those that are being closed still count, but give no further place.
        var leaving: Set<Int> = []
        var next = 0
        /// Whether somebody looks for places.
        var isLooking = false
    }

    private let limits: Limits
    private let proxies: TrustedProxies
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limits: how many there may be.
    ///   - proxies: of their connections there may be any number, since they are of many clients.
    init(_ limits: Limits, proxies: TrustedProxies) {
        (self.limits, self.proxies) = (limits, proxies)
    }

    /// How many there are.
    var count: Int { state.withLock { $0.places.count } }

    /// Whether no further one is accepted.
    fileprivate var isFull: Bool { state.withLock { $0.places.count >= limits.most } }

    /// What becomes of a connection.
    struct Admission: Sendable {
        let place: Place
        /// Whether it is only told that there are too many.
        let isRefused: Bool
    }

    /// A connection was accepted: it counts until its channel is closed.
    func opened(_ channel: any Channel) -> Admission {
        let peer = proxies.peer(channel.remoteAddress?.ipAddress ?? "")
        let (admission, victim, looks) = state.withLock { state in
            let (admission, victim) = admit(channel, peer, &state)
            // From now on nobody comes who could have one give way.
            let looks = state.places.count >= limits.most && !state.isLooking
            state.isLooking = state.isLooking || looks
            return (admission, victim, looks)
        }
        victim?.channel.close(promise: nil)
        if looks { lookAgain(channel.eventLoop) }
        let place = admission.place
        channel.closeFuture.whenComplete { _ in self.closed(place) }
        return admission
    }

    private func admit(
        _ channel: any Channel,
        _ peer: TrustedProxies.Peer,
        _ state: inout State
    ) -> (Admission, Place?) {
        state.next += 1
        let place = Place(state.next, peer.isProxy ? nil : peer.place, channel, self)
        state.places[place.number] = place
        if let address = place.address { state.ofAddress[address, default: 0] += 1 }
        let isTooManyOfAddress =
            place.address.map { state.ofAddress[$0] ?? 0 > limits.ofAddress } ?? false
        let isTooMany = state.places.count - state.leaving.count > limits.most - limits.reserved
        guard isTooManyOfAddress || isTooMany else {
            return (Admission(place: place, isRefused: false), nil)
        }
        let victim = victim(
            &state,
            besides: place,
            of: isTooManyOfAddress ? place.address : nil
        )
        // What is left is for this machine, whose probes must be answered.
        let isRefused = victim == nil && (isTooManyOfAddress || !peer.isThisMachine)
        if isRefused { state.refused.insert(place.number) }
        return (Admission(place: place, isRefused: isRefused), victim)
    }

    private func lookAgain(_ loop: any EventLoop) {
        loop.scheduleTask(in: Self.look) { self.makeRoom(loop) }
    }

    /// Has up to half of all give way while no further connection is accepted: those that wait may be
    /// many.
    private func makeRoom(_ loop: any EventLoop) {
        let (victims, goesOn) = state.withLock { state in
            let isFull = state.places.count >= limits.most
            let victims = isFull ? self.victims(of: state) : []
            state.leaving.formUnion(victims.map(\.number))
            state.isLooking = isFull
            return (victims, isFull)
        }
        for victim in victims { victim.channel.close(promise: nil) }
        if goesOn { lookAgain(loop) }
    }

    /// Those that give way together, by one look at all: the refused ones, then the longest held.
    private func victims(of state: State) -> [Place] {
        let now = ContinuousClock.now
        var held: [(place: Place, isRefused: Bool, since: ContinuousClock.Instant)] = []
        for (number, place) in state.places where !state.leaving.contains(number) {
            if state.refused.contains(number) {
                held.append((place, true, now))
            } else if let since = place.heldSince(now) {
                held.append((place, false, since))
            }
        }
        held.sort { ($0.isRefused ? 0 : 1, $0.since) < ($1.isRefused ? 0 : 1, $1.since) }
        return held.prefix(limits.most / 2).map(\.place)
    }

    /// The connection that gives way; nil where all are busy.
    private func victim(_ state: inout State, besides new: Place?, of address: String?) -> Place? {
        let now = ContinuousClock.now
        var found: (place: Place, since: ContinuousClock.Instant)?
        for (number, place) in state.places
        where number != new?.number && !state.leaving.contains(number) {
            if let address, place.address != address { continue }
            if state.refused.contains(number) {
                found = (place, now)
                break
            }
            guard let since = place.heldSince(now) else { continue }
            if found.map({ since < $0.since }) ?? true { found = (place, since) }
        }
        if let found { state.leaving.insert(found.place.number) }
        return found?.place
    }

    private func closed(_ place: Place) {
        state.withLock { state in
            guard state.places.removeValue(forKey: place.number) != nil else { return }
            state.refused.remove(place.number)
            state.leaving.remove(place.number)
            guard let address = place.address else { return }
            let left = (state.ofAddress[address] ?? 1) - 1
            state.ofAddress[address] = left > 0 ? left : nil
        }
    }
}
