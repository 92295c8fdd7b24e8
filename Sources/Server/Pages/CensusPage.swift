import CareEpisode
import HTTPTypes
import HummingbirdCore
import Ledger
import Markup
import Pages
import ProjectionRuntime
import Projections

/// The census board.
enum CensusPage {
    /// The drawing goes back so many days.
    private static let days = 92

    /// What the board is made of, and what that rests on.
    private struct Made: PageAnswer {
        let answers: CensusView.Answers
        let basis: ReadModelBasis

        var position: Position { basis.position }
    }

    static func show(_ request: PageRequest) async throws -> Reply {
        if request.wantsCSV {
            let answer = try await request.answer(AttendanceQuestion.self)
            guard case .enrolled(let list) = answer.value else {
                preconditionFailure("no episode is asked for")
            }
            return try request.csv(answer, rows: list.enrolled.count)
        }
        let made = try await made(request)
        let people = await people(request, made)
        let view = view(request, made, people)
        guard view.hasPage else { throw PageRequest.beyond }
        let rows = made.answers.attendance.enrolled.count
        let isWall = request.address["view"] == "wall"
        let comparison = try await request.comparison(
            CensusQuestion.self,
            "census",
            [:],
            made.answers.attendance.enrolled.map { ($0.episodeID, $0.clientID) },
            people
        )
        let filters =
            request.chosen(
                "program",
                among: made.answers.attendance.enrolled.map(\.stay.program)
            ) + request.chosen("flag", among: FlagWords.all.map(\.code) + ["any"])
        var reply = try await request.reply(
            view,
            made.basis,
            rows: rows,
            filters: filters,
            people: people
        ) { frame in
            frame.isWall = isWall
            frame.comparison = comparison
            guard request.clocks.isLive else { return }
            var live = request.address.with(["auto": "1"])
            live.path += "/live"
            frame.live = live.href
        }
        if isWall {
            // Its pages turn by themselves, the last one back to the first.
            let next = view.isLastPage ? nil : String(request.page + 1)
            let target = request.address.with(["page": next, "auto": "1"])
            reply.result = reply.result.map { response in
                var response = response
                response.headers[.refresh] = "\(wallSeconds); url=\(target.href)"
                return response
            }
        }
        return reply
    }

    /// So long a page stands on the wall.
    private static let wallSeconds = 20

    /// The board's parts as they change.
    static func live(_ request: PageRequest) async throws -> Reply {
        guard request.clocks.isLive else {
            throw Problem.badRequest("date", "must not be given: only now changes")
        }
        var board = request
        board.address.path = String(request.address.path.dropLast("/live".count))
        let (call, asked) = (request.call, board)
        return Reply(
            LiveParts.stream(call) {
                // The clock goes on, whatever the request began with.
                let now = try await asked.again()
                let made = try await made(now)
                let view = view(now, made, await people(now, made))
                let frame = try await now.clockBar(made.basis)
                var parts = view.parts
                parts["fresh"] = frame.freshness
                return PageParts(
                    parts: parts.mapValues { $0.map(\.markup).joined() },
                    episodes: Set(made.answers.attendance.enrolled.map(\.episodeID)),
                    position: made.basis.position,
                    date: now.date
                )
            },
            disclosed: "live"
        )
    }

    private static func people(_ request: PageRequest, _ made: Made) async -> People {
        await request.people(made.answers.attendance.enrolled.map(\.clientID))
    }

    private static func view(
        _ request: PageRequest,
        _ made: Made,
        _ people: People
    ) -> CensusView {
        CensusView(
            made.answers,
            request.address,
            request.clocks,
            at: request.context.moment,
            request.format,
            people,
            page: request.page,
            parked: made.basis.parked
        )
    }

    /// The answers of the board: its filters and its order only choose among them.
    private static func made(_ request: PageRequest) async throws -> Made {
        try await request.work("census") { request in
            let date = request.date
            let from = date.adding(days: 1 - days).description
            async let day = request.answer(CensusQuestion.self)
            async let period = request.answer(
                CensusQuestion.self,
                ["effective_at": [], "from": [from], "to": [date.description]]
            )
            async let attendance = request.answer(AttendanceQuestion.self)
            async let medication = request.answer(MedicationReviewQuestion.self)
            let (first, second, third, fourth) = try await (day, period, attendance, medication)
            guard case .date(let census) = first.value, case .period(let days) = second.value,
                case .enrolled(let list) = third.value, case .program(let worklist) = fourth.value
            else { preconditionFailure("each question has the answer of its kind") }
            return Made(
                answers: CensusView.Answers(
                    census: census,
                    days: days,
                    attendance: list,
                    medication: worklist
                ),
                basis: [first.basis, second.basis, third.basis, fourth.basis].least
            )
        }
    }
}

extension [ReadModelBasis] {
    /// What several answers rest on together: the earliest position, and every parked episode.
    var least: ReadModelBasis {
        guard var basis = self.min(by: { $0.position < $1.position }) else {
            preconditionFailure("a page has an answer")
        }
        basis.parked = Set(flatMap(\.parked)).sorted()
        return basis
    }
}
