import CareEpisode
import Documents
import Markup

extension RecordView {
    // MARK: - Lists

    /// So many rows are shown at most: more come with what is typed in them.
    func rows(_ kind: FieldShape.Kind, _ pointer: String) -> Int {
        guard case .list(let element, let least) = kind else { return 0 }
        let count = values.count(of: pointer)
        if growing == pointer { return count + 1 }
        return max(count, element.isGroup ? least : 1)
    }

    func list(
        _ field: FieldShape,
        _ element: FieldShape.Kind,
        _ pointer: String,
        _ name: String
    ) -> HTML {
        let wrong = errors.filter { $0.pointer == pointer }
        let count = rows(field.kind, pointer)
        let elements = (0..<count).map { index -> HTML in
            let place = "\(pointer)/\(index)"
            let label = FormWords.element(field.name, index)
            let isNew = growing == pointer && index == count - 1
            guard case .object(let fields) = element else {
                return leaf(
                    FieldShape(name: field.name, isRequired: true, kind: element),
                    place,
                    label: label,
                    isFirst: isNew
                )
            }
            return group(place, label, fields, isRequired: true)
        }
        var acts: [HTML] = [
            .tag(
                "button",
                ["type": "submit", "class": "small", "name": "add", "value": pointer],
                text: "Add \(FormWords.element(field.name, count).lowercased())"
            )
        ]
        if field.name == "allergies" || values[pointer] == FormValues.noElements {
            let box: Attributes = [
                "type": "checkbox", "name": pointer, "value": FormValues.noElements,
            ]
            acts.append(
                .tag(
                    "label",
                    ["class": "box"],
                    [
                        .tag(
                            "input",
                            box
                                + (["checked": ""] as Attributes).when(
                                    values[pointer] == FormValues.noElements
                                )
                        ),
                        .text(field.name == "allergies" ? "None known" : "None"),
                    ]
                )
            )
        }
        return .tag(
            "fieldset",
            ["id": Self.id(pointer), "class": wrong.isEmpty ? "group" : "group field wrong"]
                + (["tabindex": "-1"] as Attributes).when(!wrong.isEmpty),
            [.tag("legend", text: name), error(pointer, wrong)] + elements
                + [.tag("p", ["class": "chips"], acts)]
        )
    }

    // MARK: - Fields

    func error(_ pointer: String, _ wrong: [FieldError]) -> HTML {
        .fieldError(Self.id(pointer), wrong.map(words))
    }

    func leaf(
        _ field: FieldShape,
        _ pointer: String,
        label: String? = nil,
        isFirst: Bool = false
    ) -> HTML {
        let id = Self.id(pointer)
        let wrong = errors.filter { $0.pointer == pointer }
        let text = values[pointer]
        let attributes: Attributes =
            ["id": id, "name": pointer]
            + (["aria-invalid": "true", "aria-describedby": "\(id)-error"] as Attributes)
            .when(!wrong.isEmpty) + (["autofocus": ""] as Attributes).when(isFirst)
        let name = label ?? FormWords.name(field.name) + (field.isRequired ? "" : " (optional)")
        var isWide = false
        let input: HTML
        switch field.kind {
        case .code(let codes): input = choice(attributes, codes, text)
        case .flag: input = choice(attributes, ["true", "false"], text)
        case .integer: input = line(attributes + ["inputmode": "numeric"], text)
        case .number: input = line(attributes + ["inputmode": "decimal"], text)
        case .date:
            let isDate = text.isEmpty || CalendarDate(iso8601: text) != nil
            input = line(attributes, text, type: isDate ? "date" : "text")
        case .instant:
            let isLocal = text.isEmpty || PageClocks.instants(of: text, format.calendar) != nil
            input = line(attributes, text, type: isLocal ? "datetime-local" : "text")
        // A line would lose the breaks between lines.
        case .text(let most) where most > 4_096 || text.contains("\n"):
            isWide = true
            input = .tag(
                "textarea",
                attributes + ["rows": "4"],
                // A line break right after the tag is not part of the text.
                [.typed(text.hasPrefix("\n") ? "\n\(text)" : text)]
            )
        default: input = suggested(field, pointer, attributes, text)
        }
        var style = "field"
        if isWide { style += " wide" }
        if !wrong.isEmpty { style += " wrong" }
        return .tag(
            "div",
            ["class": style],
            [.tag("label", ["for": id], text: name), error(pointer, wrong), input]
                + (field.kind.isInstant ? [meanings(of: text, pointer)] : [])
        )
    }

    func line(_ attributes: Attributes, _ text: String, type: String = "text") -> HTML {
        .tag("input", attributes + ["type": type] + .unseen("value", text))
    }

    func choice(_ attributes: Attributes, _ codes: [String], _ chosen: String) -> HTML {
        let isFlag = codes == ["true", "false"]
        let choices =
            isFlag
            ? [("", ""), ("true", "Yes"), ("false", "No")]
            : FormWords.choices(codes, chosen: chosen)
        return .tag("select", attributes, HTML.options(choices, chosen: chosen))
    }

    func suggested(
        _ field: FieldShape,
        _ pointer: String,
        _ attributes: Attributes,
        _ text: String
    ) -> HTML {
        let parent = pointer.split(separator: "/").dropLast().last ?? ""
        var known = FormWords.suggestions[field.name] ?? []
        var list = "\(Self.id(pointer))-known"
        var shared: HTML?
        switch (parent, field.name) {
        case ("medication", "name"), ("replaces", "name"):
            list = "medications"
            known = medications
            // One list for all fields.
            shared = pointer == firstMedication ? nil : .nothing
        case ("reason", "code"):
            known = ["lack-of-effect", "side-effect", "patient-request", "course-completed"]
        case (_, "program"): known = programs
        default: break
        }
        guard !known.isEmpty else { return line(attributes, text) }
        let options = HTML.tag(
            "datalist",
            ["id": list],
            known.map { .tag("option", ["value": $0]) }
        )
        return .pieces([line(attributes + ["list": list], text), shared ?? options])
    }

    /// The first field of a page that has a medication's name.
    var firstMedication: String? {
        func find(_ kind: FieldShape.Kind, _ pointer: String) -> String? {
            switch kind {
            case .object(let fields):
                let isMedication =
                    pointer.hasSuffix("/medication") || pointer.hasSuffix("/replaces")
                if isMedication, fields.contains(where: { $0.name == "name" }) {
                    return "\(pointer)/name"
                }
                for field in fields {
                    if let found = find(field.kind, "\(pointer)/\(field.name)") { return found }
                }
                return nil
            case .list(let element, _):
                return rows(kind, pointer) > 0 ? find(element, "\(pointer)/0") : nil
            default: return nil
            }
        }
        let isCorrection = type == .entryCorrected
        return find(
            .object(isCorrection ? target?.fields ?? [] : type.fields),
            isCorrection ? "/data/replacement" : "/data"
        )
    }

    /// A time that comes twice: which is meant.
    func meanings(of text: String, _ pointer: String) -> HTML {
        let instants = PageClocks.meanings(of: text, format.calendar)
        guard !instants.isEmpty else { return .nothing }
        let name = FormTime.choice(pointer)
        return .tag(
            "span",
            ["class": "chips", "role": "radiogroup", "aria-label": "Which of the two times"],
            instants.map { instant in
                .tag(
                    "label",
                    ["class": "box"],
                    [
                        .tag(
                            "input",
                            ["type": "radio", "name": name, "value": instant.description]
                                + (["checked": ""] as Attributes).when(
                                    values[name] == instant.description
                                )
                        ),
                        .text(format.dateAndTime(instant)),
                    ]
                )
            }
        )
    }
}

extension FieldShape.Kind {
    /// Whether it has fields of its own.
    var isGroup: Bool {
        switch self {
        case .object, .list: true
        case .text, .code, .integer, .number, .flag, .instant, .date: false
        }
    }

    var isInstant: Bool { if case .instant = self { true } else { false } }
}
