public import ArgumentParser
public import CareEpisode

/// Which types of events are wanted.
struct TypeOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Only these types of events, such as: --types admitted completed.",
            valueName: "type"
        )
    )
    var types: [EventType] = []

    var filter: Set<EventType>? { types.isEmpty ? nil : Set(types) }
}

extension EventType: ExpressibleByArgument {}
