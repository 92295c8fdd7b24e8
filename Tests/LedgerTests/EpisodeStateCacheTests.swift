import CareEpisode
import TestSupport
import Testing

@testable import Ledger

@Suite("Episode state cache")
struct EpisodeStateCacheTests {
    private func known(events: Int) -> KnownState {
        var state = EpisodeState()
        if events > 0 { state.apply(SampleEvent.admitted()) }
        for _ in 0..<max(0, events - 1) { state.apply(SampleEvent.session()) }
        return KnownState(state: state, verifiedAt: .now)
    }

    @Test("The newest state of an episode is remembered until it is forgotten")
    func remembers() {
        var cache = EpisodeStateCache(eventLimit: 100)
        let episode = EpisodeID.fresh
        #expect(cache[episode] == nil)
        cache[episode] = known(events: 1)
        cache[episode] = known(events: 3)
        #expect(cache[episode]?.state.version == Version(3))
        cache[episode] = nil
        #expect(cache[episode] == nil)
    }

    @Test("The remembered events are bounded, and episodes without events count too")
    func bounded() {
        for events in [0, 1, 4] {
            var cache = EpisodeStateCache(eventLimit: 100)
            let episodes = (0..<1_000).map { _ in EpisodeID.fresh }
            for episode in episodes { cache[episode] = known(events: events) }
            // A look-up may make the cache forget something else: each gets a copy.
            let kept = episodes.filter { episode in
                var copy = cache
                return copy[episode] != nil
            }
            #expect(!kept.isEmpty)
            #expect(kept.count * (events + 1) <= 110)
            #expect(kept == Array(episodes.suffix(kept.count)))
        }
    }

    @Test("What is used is kept while others come and go")
    func keepsUsed() {
        var cache = EpisodeStateCache(eventLimit: 100)
        let used = EpisodeID.fresh
        cache[used] = known(events: 3)
        for _ in 0..<1_000 {
            cache[.fresh] = known(events: 2)
            #expect(cache[used]?.state.version == Version(3))
        }
    }

    @Test("An episode larger than the cache does not stay in the way of others")
    func oversize() {
        var cache = EpisodeStateCache(eventLimit: 10)
        let small = EpisodeID.fresh
        cache[.fresh] = known(events: 50)
        cache[small] = known(events: 1)
        #expect(cache[small] != nil)
    }

    @Test("Forgetting an episode forgets it in both generations")
    func forgetsBoth() {
        var cache = EpisodeStateCache(eventLimit: 20)
        let episode = EpisodeID.fresh
        cache[episode] = known(events: 2)
        for _ in 0..<3 { cache[.fresh] = known(events: 2) }
        cache[episode] = nil
        #expect(cache[episode] == nil)
    }
}
