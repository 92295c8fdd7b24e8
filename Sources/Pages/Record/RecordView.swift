public import CareEpisode
import Documents
public import Markup

/// A form that records an event.
public struct RecordView: PageView {
    /// What stands above the fields besides.
    public enum Notice: Sendable {
        /// Others recorded something since the form was opened.
        case between([HTML])
        /// The form's id is recorded with other content.
        case reused(correct: String, new: String)
        /// The service could not record now.
        case unavailable(String)
    }

    /// Which event.
    public var type: EventType
    /// The type of the entry that is corrected or retracted; nil of any other event.
    public var target: EventType?
    /// Of whom: pieces of a sentence.
    public var about: [HTML]
    /// What was typed.
    public var values: FormValues
    /// Where the form is sent.
    public var action: String
    /// What goes along unseen, by name.
    public var hidden: [(name: String, value: String)]
    /// How times are written.
    public var format: DisplayFormat
    /// Names that a medication may have.
    public var medications: [String] = []
    /// Programs that there are.
    public var programs: [String] = []
    /// What is wrong.
    public var errors: [FieldError] = []
    /// The list that has one more row than elements; nil for none.
    public var growing: String?
    /// Something to know first.
    public var notice: Notice?
    /// What the amendment will change; nil before that is asked for.
    public var preview: [HTML]?

    /// An empty form.
    public init(
        _ type: EventType,
        target: EventType? = nil,
        about: [HTML],
        _ values: FormValues,
        action: String,
        hidden: [(name: String, value: String)],
        _ format: DisplayFormat
    ) {
        self.type = type
        self.target = target
        self.about = about
        self.values = values
        self.action = action
        self.hidden = hidden
        self.format = format
    }

    /// What the page is about; as an error where something is wrong.
    public var title: String {
        errors.isEmpty ? FormWords.title(type) : "Error: \(FormWords.title(type))"
    }
    /// None of the header's.
    public var place: PageName? { nil }

    /// The form.
    public var content: [HTML] {
        [
            .tag(
                "div",
                ["class": "head"],
                [
                    .tag(
                        "div",
                        [
                            .tag("h1", text: FormWords.title(type)),
                            .tag("p", about),
                        ]
                    )
                ]
            ), summary, told, changes, form,
        ]
    }

    // MARK: - What is wrong

    static func id(_ pointer: String) -> String {
        "f\(pointer.replacing("/", with: "-"))"
    }

    /// The pointers that have a field or a group of fields.
    private var places: Set<String> {
        var places: Set<String> = ["/occurred_at", "/author", "/author/id", "/author/role"]
        func add(_ kind: FieldShape.Kind, _ pointer: String) {
            places.insert(pointer)
            switch kind {
            case .object(let fields):
                for field in fields { add(field.kind, "\(pointer)/\(field.name)") }
            case .list(let element, _):
                for index in 0..<rows(kind, pointer) { add(element, "\(pointer)/\(index)") }
            default: break
            }
        }
        for field in type.shownFields { add(field.kind, "/data/\(field.name)") }
        if type == .entryCorrected, let target {
            for field in target.fields { add(field.kind, "/data/replacement/\(field.name)") }
        }
        return places
    }

    func words(_ error: FieldError) -> String {
        FormWords.told(error, type)
    }

    private var summary: HTML {
        guard !errors.isEmpty else { return .nothing }
        let places = places
        return .errorSummary(
            saying: "Nothing was recorded.",
            errors.map { error in
                let field = places.contains(error.pointer) ? Self.id(error.pointer) : nil
                return (words(error), error.code, field)
            }
        )
    }

    private var told: HTML {
        func box(_ style: String, _ title: String, _ content: [HTML]) -> HTML {
            .tag(
                "div",
                ["class": "notice \(style)", "role": "alert"],
                [.tag("h2", text: title)] + content
            )
        }
        switch notice {
        case nil: return .nothing
        case .between(let entries):
            return box(
                "warn",
                "Others recorded something since you opened this form",
                [
                    .tag("ul", entries),
                    .tag(
                        "p",
                        text: "Nothing of yours was recorded. Look at it, and send the form again."
                    ),
                ]
            )
        case .reused(let correct, let new):
            return box(
                "warn",
                "This form was recorded before, and says something else now",
                [
                    .tag(
                        "p",
                        [
                            .text("Nothing was recorded a second time. "),
                            .tag("a", ["href": correct], text: "Correct the entry"),
                            .text(", or begin "), .tag("a", ["href": new], text: "a new form"),
                            .text("."),
                        ]
                    )
                ]
            )
        case .unavailable(let detail):
            return box(
                "stop",
                "This could not be recorded now",
                [
                    .tag(
                        "p",
                        text:
                            "\(detail). What you typed is below: send it again in a moment. It is "
                            + "recorded once, however often you send it."
                    )
                ]
            )
        }
    }

    private var changes: HTML {
        guard let preview else { return .nothing }
        return .tag(
            "div",
            ["class": "notice known", "id": "changes"],
            [
                .tag(
                    "h2",
                    text: type == .entryRetracted
                        ? "What the retraction will change" : "What the correction will change"
                )
            ] + preview
        )
    }

    // MARK: - The form

    private var form: HTML {
        let unseen = hidden.map { name, value -> HTML in
            .tag("input", ["type": "hidden"] + .unseen("name", name) + .unseen("value", value))
        }
        let shown = type.shownFields
        var fields: [HTML] = []
        if type == .entryCorrected, let target {
            fields.append(
                group(
                    "/data/replacement",
                    "What the entry says from now on",
                    target.fields,
                    isRequired: true,
                    first: [
                        leaf(
                            FieldShape(
                                name: "replacement_occurred_at",
                                isRequired: true,
                                kind: .instant
                            ),
                            "/data/replacement_occurred_at",
                            label: FormWords.time(target)
                        )
                    ]
                )
            )
            fields += grid(shown.filter { $0.name == "reason" }, "/data", first: [time])
        } else {
            fields += grid(shown, "/data", first: [time])
        }
        fields.append(
            group("/author", FormWords.name("author"), Author.fieldShapes, isRequired: true)
        )
        return .tag(
            "section",
            ["class": "panel", "aria-label": "The entry"],
            [
                .tag(
                    "form",
                    [
                        "class": "body record", "method": "post", "action": action,
                        "data-kept": "", "autocomplete": "off",
                    ],
                    // What Enter presses.
                    unseen + [button(isHidden: true)] + fields
                        + [.tag("p", ["class": "chips"], buttons)]
                )
            ]
        )
    }

    private var time: HTML {
        leaf(
            FieldShape(name: "occurred_at", isRequired: true, kind: .instant),
            "/occurred_at",
            label: FormWords.time(type)
        )
    }

    /// Amendments show first what they will change.
    private var isPreview: Bool { type.isAmendment && preview == nil }

    private func button(isHidden: Bool) -> HTML {
        let words =
            switch type {
            case _ where isPreview: "Show what will change"
            case .entryCorrected: "Record the correction"
            case .entryRetracted: "Retract the entry"
            case .admitted: "Admit"
            case .completed: "Complete the episode"
            case .discharged: "Discharge"
            default: "Record"
            }
        let hiding: Attributes = ["class": "hidden", "tabindex": "-1", "aria-hidden": "true"]
        let style: Attributes =
            type == .entryRetracted && !isPreview ? ["class": "stop"] : ["class": "main"]
        return .tag(
            "button",
            ["type": "submit", "name": "do", "value": isPreview ? "preview" : "record"]
                + (isHidden ? hiding : style),
            text: words
        )
    }

    private var buttons: [HTML] {
        var buttons = [button(isHidden: false)]
        if preview != nil {
            buttons.append(
                .tag(
                    "button",
                    ["type": "submit", "name": "do", "value": "preview"],
                    text: "Show again what will change"
                )
            )
        }
        return buttons
    }

    /// Fields side by side, groups below, and what few fill in behind "More".
    func grid(
        _ fields: [FieldShape],
        _ pointer: String,
        first: [HTML] = []
    ) -> [HTML] {
        func place(_ field: FieldShape) -> String { "\(pointer)/\(field.name)" }
        func shown(_ fields: [FieldShape], _ first: [HTML]) -> [HTML] {
            let leaves = first + fields.filter { !$0.kind.isGroup }.map { leaf($0, place($0)) }
            let groups = fields.filter(\.kind.isGroup).map { part($0, place($0)) }
            return (leaves.isEmpty ? [] : [.tag("div", ["class": "fields"], leaves)]) + groups
        }
        let fields = FormWords.ordered(fields)
        let usual = fields.filter { !FormWords.isRare($0) }
        let rare = fields.filter { FormWords.isRare($0) }
        let isOpen = rare.contains { field in
            values.hasText(below: place(field)) || growing?.hasPrefix(place(field)) == true
                || errors.contains {
                    $0.pointer == place(field) || $0.pointer.hasPrefix(place(field) + "/")
                }
        }
        guard !rare.isEmpty else { return shown(usual, first) }
        return shown(usual, first) + [
            .tag(
                "details",
                ["class": "fold"] + (["open": ""] as Attributes).when(isOpen),
                [
                    .tag("summary", ["class": "bar"], text: "More"),
                    .tag("div", ["class": "record"], shown(rare, [])),
                ]
            )
        ]
    }

    private func part(_ field: FieldShape, _ pointer: String) -> HTML {
        let name = FormWords.name(field.name) + (field.isRequired ? "" : " (optional)")
        switch field.kind {
        case .object(let fields):
            return group(pointer, name, fields, isRequired: field.isRequired)
        case .list(let element, _): return list(field, element, pointer, name)
        default: return leaf(field, pointer)
        }
    }

    func group(
        _ pointer: String,
        _ name: String,
        _ fields: [FieldShape],
        isRequired: Bool,
        first: [HTML] = []
    ) -> HTML {
        let wrong = errors.filter { $0.pointer == pointer }
        return .tag(
            "fieldset",
            ["id": Self.id(pointer), "class": wrong.isEmpty ? "group" : "group field wrong"]
                + (["tabindex": "-1"] as Attributes).when(!wrong.isEmpty),
            [.tag("legend", text: name), error(pointer, wrong)]
                + grid(fields, pointer, first: first)
        )
    }
}

extension EventType {
    /// The fields of a form of this type: of an amendment those that are nobody else's.
    fileprivate var shownFields: [FieldShape] {
        fields.filter {
            !isAmendment || $0.name == "reason" || $0.name == "replacement_occurred_at"
        }
    }
}
