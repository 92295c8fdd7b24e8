import NIOCore
import NIOEmbedded
import Testing

@testable import Server

@Suite("Who gives way where places run short")
struct ConnectionsTests {
    private func connections(
        most: Int = 8,
        ofAddress: Int = 8,
        proxies: [String] = []
    ) -> Connections {
        var limits = Connections.Limits(most: most, ofAddress: ofAddress)
        limits.reserved = 2
        return Connections(
            limits,
            proxies: TrustedProxies(ranges: proxies.compactMap { AddressRange($0) })
        )
    }

    private func client(_ address: String) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        let remote = try SocketAddress(ipAddress: address, port: 1)
        try channel.connect(to: remote).wait()
        channel.remoteAddress = remote
        return channel
    }

    /// Lets what was told the loops be done.
    private func settle(_ channels: [EmbeddedChannel]) {
        for channel in channels { channel.embeddedEventLoop.run() }
    }

    @Test("Whoever holds a place for nothing loses it, the one that has done so longest first")
    func idle() throws {
        let connections = connections()
        let channels = try (0..<8).map { _ in try client("192.0.2.1") }
        let places = channels.prefix(6).map { connections.opened($0).place }
        for place in places { place.beginsWork() }
        places[4].endsWork()
        places[1].endsWork()
        let seventh = connections.opened(channels[6])
        settle(channels)
        #expect(!seventh.isRefused)
        #expect(channels.map(\.isActive) == [true, true, true, true, false, true, true, true])
        seventh.place.beginsWork()
        let eighth = connections.opened(channels[7])
        settle(channels)
        #expect(!eighth.isRefused)
        #expect(channels.map(\.isActive) == [true, false, true, true, false, true, true, true])
    }

    @Test("Where everybody is busy the last places are for this machine, and others are told")
    func reserved() throws {
        let connections = connections()
        let busy = try (0..<6).map { _ in try client("192.0.2.1") }
        for channel in busy { connections.opened(channel).place.beginsWork() }
        let other = try client("198.51.100.7")
        #expect(connections.opened(other).isRefused)
        let probes = try ["127.0.0.1", "::1"].map { try client($0) }
        for probe in probes { #expect(!connections.opened(probe).isRefused) }
        settle(busy + probes + [other])
        #expect(busy.count(where: { $0.isActive }) == 6)
        // Who was only told is the first to go.
        #expect(!other.isActive)
    }

    @Test("One address has no more than its share; an IPv6 network of 64 bits is one address")
    func ofAddress() throws {
        let connections = connections(most: 100, ofAddress: 3)
        for address in ["192.0.2.1", "2001:db8::1"] {
            let channels = try (0..<4).map { number in
                try client(address.contains(":") ? "2001:db8::\(number)" : address)
            }
            for channel in channels.prefix(3) {
                let admission = connections.opened(channel)
                #expect(!admission.isRefused)
                admission.place.beginsWork()
            }
            #expect(connections.opened(channels[3]).isRefused)
        }
        #expect(!connections.opened(try client("192.0.2.2")).isRefused)
        #expect(!connections.opened(try client("2001:db8:0:1::1")).isRefused)
    }

    @Test("Its own idle connection gives way to an address that has its share, not another's")
    func ownFirst() throws {
        let connections = connections(most: 100, ofAddress: 2)
        let other = try client("192.0.2.9")
        _ = connections.opened(other)
        let channels = try (0..<3).map { _ in try client("192.0.2.1") }
        for channel in channels {
            let admission = connections.opened(channel)
            #expect(!admission.isRefused)
            admission.place.beginsWork()
            admission.place.endsWork()
        }
        settle(channels + [other])
        #expect(channels.map(\.isActive) == [false, true, true] && other.isActive)
    }

    @Test("A new connection has time for its first request, whatever comes after it")
    func fresh() throws {
        let connections = connections(most: 100, ofAddress: 2)
        let channels = try (0..<3).map { _ in try client("192.0.2.1") }
        let refused = channels.map { connections.opened($0).isRefused }
        settle(channels)
        #expect(refused == [false, false, true])
        #expect(channels.map(\.isActive) == [true, true, true])
    }

    @Test("The connections of a trusted proxy are of many clients")
    func proxy() throws {
        let connections = connections(most: 100, ofAddress: 2, proxies: ["10.0.0.0/8"])
        for _ in 0..<20 {
            let admission = connections.opened(try client("10.1.2.3"))
            admission.place.beginsWork()
            #expect(!admission.isRefused)
        }
    }

    @Test("A connection that is closed counts no more")
    func closed() throws {
        let connections = connections(most: 100, ofAddress: 1)
        for _ in 0..<5 {
            let channel = try client("192.0.2.1")
            let admission = connections.opened(channel)
            #expect(!admission.isRefused && connections.count == 1)
            admission.place.beginsWork()
            try channel.close().wait()
            settle([channel])
            #expect(connections.count == 0)
        }
    }

    @Test("200 people behind one address, with six connections each, meet no limit")
    func manyPeople() throws {
        #expect(Connections.Limits(most: 16_384).ofAddress >= 200 * 6)
        // Where files are few, nor before there are no more.
        #expect(Connections.Limits(most: 512).ofAddress >= 512)
        #expect(WorkAtOnce.ledgerLimit >= 200 * 6 && WorkAtOnce.tokenLimit >= 6)
    }
}
