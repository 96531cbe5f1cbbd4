package dev.nudge.server.capture;

import dev.nudge.text.quality.Sensitive;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Copies a JSON tree with secrets and personal data in its texts replaced.
final class Redaction {
  private Redaction() {}

  static JsonNode of(JsonNode node) {
    return switch (node) {
      case ObjectNode object -> {
        ObjectNode copy = JsonNodeFactory.instance.objectNode();
        object.properties().forEach(field -> copy.set(field.getKey(), of(field.getValue())));
        yield copy;
      }
      case ArrayNode list -> {
        ArrayNode copy = JsonNodeFactory.instance.arrayNode();
        list.forEach(one -> copy.add(of(one)));
        yield copy;
      }
      default -> {
        String text = node.isString() || node.isNumber() ? node.asString() : "";
        String redacted = Sensitive.redacted(text);
        yield redacted.equals(text) ? node : JsonNodeFactory.instance.stringNode(redacted);
      }
    };
  }
}
