import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Markup
import Pages
import ProjectionRuntime

/// What a page's handler has found.
enum PageResult: Sendable {
    /// A page to show.
    case page(FoundPage)
    /// Something else: a file, another address.
    case other(Reply)
}

/// A page to show, before header and foot are put around it.
struct FoundPage: Sendable {
    /// What is shown.
    let view: any PageView
    /// What that rests on.
    let basis: ReadModelBasis
    /// How many episodes it shows.
    let rows: Int
    /// What else it was asked for, without health information.
    var filters: [String] = []
    /// The version of an episode that it replays; nil for none.
    var replayed: ReplayedVersion?
    /// Whose names are shown.
    var people = People()
    /// What differs between two knowledge times, below the heading.
    var comparison: HTML = .nothing
    /// Whether it can compare two knowledge times.
    var compares = true
    /// Whether it is read from three meters.
    var isWall = false
    /// Whether it is about now and everything that is known, whatever the address says: a form.
    var isAsOfNow = false
    /// The status of the answer.
    var status = HTTPResponse.Status.ok
    /// Who writes the decision on the request to the access log.
    var decision = Reply.DecisionWriter.door
    /// What to know before the content is read.
    var notices: [Notice] = []
    /// What it turns to by itself, and after how many seconds; nil where it stays.
    var next: (address: PageAddress, seconds: Int)?

    /// The page with what stands around it, and what the access log is told of it.
    func reply(to asked: PageRequest, isLive: Bool) async throws -> Reply {
        var request = asked
        request.address = asked.plainAddress
        guard view.hasPage else {
            throw request.refusal("page", "is beyond the last one")
        }
        var frame: PageFrame
        if isAsOfNow {
            frame = try await request.frame()
            frame.now = request.nowBar(basis)
        } else {
            frame = try await request.frame(basis, replayed, compares)
        }
        frame.notices += notices
        if let notice = people.notice { frame.notices.append(notice) }
        frame.isWall = isWall
        showNames(&frame, request)
        frame.comparison = comparison
        if isLive, request.clocks.isLive {
            var live = request.address.with(["auto": "1"])
            live.path += "/live"
            frame.live = live.href
        }
        var response = Response.page(frame.page(view), status: status)
        if let next {
            response.headers[.refresh] =
                "\(next.seconds); url=\(next.address.with(["auto": "1"]).href)"
        }
        var reply = Reply(
            response,
            disclosed: request.disclosed(
                basis,
                rows: rows,
                filters: filters + (people.isEmpty ? [] : ["with names"])
            )
        )
        reply.decision = decision
        return reply
    }

    /// Paper and wall bear names only where asked for.
    private func showNames(_ frame: inout PageFrame, _ request: PageRequest) {
        let address = request.address
        let takesNames = request.call.parameters.contains { $0.name == Endpoint.names.name }
        let isAsked = address["names"] == "shown"
        frame.namesOnPaper = isAsked && !isWall
        // The wall has nothing to press: who puts it up says so.
        guard !isWall, !people.isEmpty, takesNames else { return }
        frame.otherNames = (
            isAsked ? "Print without names" : "Print with names",
            address.with(["names": isAsked ? nil : "shown"])
        )
    }

    /// What changes on it while it is looked at.
    func parts(for request: PageRequest) async throws -> PageParts {
        var parts = view.parts
        parts["fresh"] = try await request.clockBar(basis).freshness
        return PageParts(
            parts: parts.mapValues { $0.map(\.markup).joined() },
            members: view.members,
            position: basis.position,
            date: request.date
        )
    }
}
