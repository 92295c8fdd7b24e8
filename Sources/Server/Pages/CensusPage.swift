import CareEpisode
import Ledger
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

    /// So long a page stands on the wall.
    private static let wallSeconds = 20

    static func show(_ request: PageRequest) async throws -> PageResult {
        if request.wantsCSV {
            let answer = try await request.answer(AttendanceQuestion.self)
            guard case .enrolled(let list) = answer.value else {
                preconditionFailure("no episode is asked for")
            }
            return try request.csv(answer, rows: list.enrolled.count)
        }
        let made = try await made(request)
        // The wall, which everybody can see, has keys alone unless names are asked for.
        let isWall = request.address["view"] == "wall"
        let keys = made.answers.attendance.enrolled.map(\.clientID)
        let hasNames = !isWall || request.address["names"] == "shown"
        let people = hasNames ? await request.people(keys) : People()
        let view = CensusView(
            made.answers,
            request.address,
            at: request.context.moment,
            request.format,
            people,
            page: request.page,
            parked: made.basis.parked,
            mayRecord: request.clocks.showsNow && request.mayRecord
        )
        let enrolled = made.answers.attendance.enrolled
        // The wall's pages turn by themselves, the last one back to the first.
        let following = view.isLastPage ? nil : String(request.page + 1)
        let next = (request.address.with(["page": following]), Self.wallSeconds)
        let page = FoundPage(
            view: view,
            basis: made.basis,
            rows: enrolled.count,
            filters: request.chosen("program", among: enrolled.map(\.stay.program))
                + request.chosen("flag", among: FlagWords.all.map(\.code) + ["any"]),
            people: people,
            comparison: try await request.comparison(
                CensusQuestion.self,
                "census",
                [:],
                enrolled.map { ($0.episodeID, $0.clientID) },
                people
            ),
            isWall: isWall,
            next: isWall ? next : nil
        )
        return .page(page)
    }

    /// The answers of the board: its filters and its order only choose among them.
    private static func made(_ request: PageRequest) async throws -> Made {
        // A board may be a few seconds old, but for who looks at it and waits for what is new.
        let age: @Sendable (Position) -> PageWork.Age =
            request.isStreamed ? PageWork.Age.now : PageWork.Age.about
        return try await request.work("census", [:], age) { request in
            let date = request.date
            let from = date.adding(days: 1 - days).description
            // One after another: what is kept of the tables is read once.
            let second = try await request.answer(
                CensusQuestion.self,
                ["effective_at": [], "from": [from], "to": [date.description]]
            )
            let first = try await request.answer(CensusQuestion.self)
            let third = try await request.answer(AttendanceQuestion.self)
            let fourth = try await request.answer(MedicationReviewQuestion.self)
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
