internal import CareEpisode

/// One event of an episode, written, with what orders it.
struct SimulatedLine {
    /// Its `source_recorded_at`.
    let knownAt: Instant
    /// The event's number within its episode.
    let sequence: Int
    /// The import line without its line feed.
    let bytes: [UInt8]
}

/// The lines of the episodes under way, handed out by (knowledge time, episode, sequence).
///
/// A binary heap of episodes, by the first of the lines that each has left.
struct LineQueue {
    private struct Remainder {
        let episode: Int
        var lines: ArraySlice<SimulatedLine>

        func precedes(_ other: Remainder) -> Bool {
            let mine = lines[lines.startIndex].knownAt
            let theirs = other.lines[other.lines.startIndex].knownAt
            return mine != theirs ? mine < theirs : episode < other.episode
        }
    }

    private var heap: [Remainder] = []

    /// Adds the lines of an episode, which come ordered by (knowledge time, sequence).
    mutating func add(_ lines: [SimulatedLine], episode: Int) {
        guard !lines.isEmpty else { return }
        heap.append(Remainder(episode: episode, lines: lines[...]))
        siftUp()
    }

    /// Hands out, in order, every line that was known before `end`.
    mutating func drain(before end: Instant, _ body: (_ line: [UInt8]) throws -> Void) rethrows {
        while let first = heap.first?.lines.first, first.knownAt < end {
            try body(first.bytes)
            heap[0].lines.removeFirst()
            if heap[0].lines.isEmpty {
                heap.swapAt(0, heap.count - 1)
                heap.removeLast()
            }
            siftDown()
        }
    }

    private mutating func siftUp() {
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].precedes(heap[least]) {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
