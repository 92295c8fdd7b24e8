import CareEpisode
import HTTPTypes
import ProjectionRuntime
import Projections

extension Endpoint {
    /// Who may ask questions to read models.
    private static let readers: Set<Role> = [.clinician, .auditor, .administrator]

    /// Every question to a read model.
    static let questions = ReadModels.questions.map(Endpoint.init)

    private init(_ description: QuestionDescription) {
        self.init(description, description.question)
    }

    private init<Asked: Question>(_ description: QuestionDescription, _ question: Asked.Type) {
        self.init(
            operation: description.operation,
            method: .get,
            path: description.path,
            summary: description.summary,
            roles: Self.readers,
            disclosesHealthInformation: description.disclosesHealthInformation,
            parameters: Asked.parameters.filter { !description.path.contains("{\($0.name)}") }
                + [QuestionRoutes.atLeast],
            answers: [.json(.schema(oneOf: Asked.schemas)), .text("text/html")]
                + (Asked.isList ? [.text("text/csv")] : []),
            handler: { try await QuestionRoutes.answer($0, question) }
        )
    }
}
