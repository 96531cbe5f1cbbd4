package dev.nudge.constrain;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Draws schemas that use every keyword, and values that are mostly valid under them.
///
/// Names of properties are `n` and a number that grows with the order in which the constraint
/// writes them: a schema's own, then those of `allOf`, then those of the branches. Names that are
/// required only are `r` and a number, other names `z` and one. So the layout of a value is its
/// names sorted so.
final class RandomSchema {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final List<String> PATTERNS =
      List.of("^[a-c]{1,4}$", "b+", "^x|y$", "^\\d{2,3}-\\w*$", "[é日]\\.?", "^(ab|\"|\\\\n)+$");
  private static final List<String> FORMATS =
      List.of("date", "time", "date-time", "uuid", "ipv4"); // email has a test of its own
  private static final String LETTERS = "abcxy0129-é日😀\"\\\n\u0001 .";

  private final Random random;
  private final ObjectNode definitions = JSON.objectNode();
  private int names;

  RandomSchema(Random random) {
    this.random = random;
  }

  ObjectNode draw() {
    for (int i = 0; i < 2; i++) {
      definitions.set("d" + i, JSON.booleanNode(true));
    }
    ObjectNode d0 = object(2, new ArrayList<>());
    ObjectNode node = JSON.objectNode().put("type", "object");
    ObjectNode properties = node.putObject("properties");
    properties.set(name(), value(3));
    ArrayNode next = properties.putObject(name()).putArray("anyOf");
    next.addObject().put("type", "null");
    next.addObject().put("$ref", "#/$defs/d1");
    node.put("additionalProperties", false);
    definitions.set("d0", d0);
    definitions.set("d1", node);
    ObjectNode root = value(0);
    root.put("$schema", "https://json-schema.org/draft/2020-12/schema").put("title", "one of many");
    root.set("$defs", definitions);
    return root;
  }

  private boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  private String name() {
    return "n" + names++;
  }

  private ObjectNode value(int depth) {
    int kinds = depth > 2 ? 8 : 16;
    return switch (random.nextInt(kinds)) {
      case 0 -> JSON.objectNode().put("type", chance(50) ? "null" : "boolean");
      case 1, 2 -> number();
      case 3, 4 -> text();
      case 5 -> constants();
      case 6 -> reference();
      case 7 -> types();
      case 8, 9 -> list(depth);
      case 10 -> any(depth, chance(50) ? "anyOf" : "allOf");
      case 11 -> oneOf(depth);
      default -> object(depth, new ArrayList<>());
    };
  }

  private ObjectNode reference() {
    int which = random.nextInt(7);
    ObjectNode made = JSON.objectNode().put("description", "a reference");
    return which == 6 ? made : made.put("$ref", "#/$defs/d" + which / 3);
  }

  private ObjectNode types() {
    ObjectNode made = chance(50) ? text() : number();
    ArrayNode types = made.putArray("type");
    types.add("string").add("integer");
    if (chance(50)) {
      types.add("null");
    }
    return made;
  }

  private ObjectNode number() {
    boolean whole = chance(60);
    ObjectNode made = JSON.objectNode().put("type", whole ? "integer" : "number");
    double low = random.nextInt(-300, 300) / (chance(50) ? 1.0 : 20.0);
    if (chance(50)) {
      put(made, chance(70) ? "minimum" : "exclusiveMinimum", low);
    }
    if (chance(50)) {
      put(made, chance(70) ? "maximum" : "exclusiveMaximum", low + random.nextInt(5, 400) / 4.0);
    }
    if (chance(30)) {
      put(
          made,
          "multipleOf",
          List.of(1.0, 2.0, 3.0, 7.0, 0.5, 0.25, 0.1, 1.5).get(random.nextInt(8)));
    }
    return made;
  }

  private static void put(ObjectNode to, String name, double value) {
    if (value == Math.rint(value)) {
      to.put(name, (int) value);
    } else {
      to.put(name, value);
    }
  }

  private ObjectNode text() {
    ObjectNode made = JSON.objectNode().put("type", "string");
    if (chance(20)) {
      return made.put("format", FORMATS.get(random.nextInt(FORMATS.size())));
    }
    if (chance(40)) {
      made.put("pattern", PATTERNS.get(random.nextInt(PATTERNS.size())));
    }
    if (chance(40)) {
      made.put("minLength", random.nextInt(4));
    }
    if (chance(40)) {
      made.put("maxLength", random.nextInt(3, 8));
    }
    return made;
  }

  private ObjectNode constants() {
    ObjectNode made = JSON.objectNode();
    if (chance(40)) {
      made.set("const", constant(0));
    } else {
      ArrayNode values = made.putArray("enum");
      for (int n = random.nextInt(1, 4); n > 0; n--) {
        values.add(constant(0));
      }
      if (chance(20)) {
        values.add("abc");
        made.putArray("type").add("string").add("object").add("array");
        made.put("minLength", 2);
      }
    }
    return made;
  }

  private JsonNode constant(int depth) {
    return switch (random.nextInt(depth > 1 ? 5 : 7)) {
      case 0 -> JSON.nullNode();
      case 1 -> JSON.booleanNode(random.nextBoolean());
      case 2 -> JSON.numberNode(random.nextInt(-20, 20));
      case 3 -> JSON.numberNode(new BigDecimal("1.50"));
      case 4 -> JSON.stringNode(letters(random.nextInt(5)));
      case 5 -> JSON.arrayNode().add(constant(depth + 1)).add(constant(depth + 1));
      default -> {
        ObjectNode made = JSON.objectNode();
        made.set(name(), constant(depth + 1));
        made.set(name(), constant(depth + 1));
        yield made;
      }
    };
  }

  private String letters(int count) {
    int[] all = LETTERS.codePoints().toArray();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count; i++) {
      text.appendCodePoint(all[random.nextInt(all.length)]);
    }
    return text.toString();
  }

  private ObjectNode list(int depth) {
    ObjectNode made = JSON.objectNode().put("type", "array");
    if (chance(40)) {
      ArrayNode first = made.putArray("prefixItems");
      for (int n = random.nextInt(1, 3); n > 0; n--) {
        first.add(value(depth + 1));
      }
    }
    if (chance(20)) {
      made.put("items", false);
    } else if (chance(80)) {
      made.set("items", value(depth + 1));
    }
    if (chance(40)) {
      made.put("minItems", random.nextInt(3));
    }
    if (chance(40)) {
      made.put("maxItems", random.nextInt(2, 5));
    }
    if (chance(10)) {
      made.put("uniqueItems", false);
    }
    return made;
  }

  /// @param known names that the object has already; some get a schema again
  private ObjectNode object(int depth, List<String> known) {
    ObjectNode made = JSON.objectNode();
    if (chance(80)) {
      made.put("type", "object");
    }
    ObjectNode properties = made.putObject("properties");
    List<String> own = new ArrayList<>();
    for (String name : known) {
      if (chance(40)) {
        properties.set(name, value(depth + 2));
      }
    }
    for (int n = random.nextInt(4); n > 0; n--) {
      String name = name();
      own.add(name);
      properties.set(name, chance(5) ? JSON.booleanNode(chance(50)) : value(depth + 1));
    }
    ArrayNode required = made.putArray("required");
    for (String name : own) {
      if (chance(50)) {
        required.add(name);
      }
    }
    if (chance(10)) {
      required.add("r" + names++);
    }
    if (chance(60)) {
      made.put("additionalProperties", !chance(85));
    } else if (chance(60)) {
      made.set("additionalProperties", value(depth + 2));
    }
    known.addAll(own);
    return made;
  }

  private ObjectNode any(int depth, String keyword) {
    List<String> known = new ArrayList<>();
    boolean all = keyword.equals("allOf");
    boolean objects = chance(50);
    ObjectNode made = objects ? object(depth, known) : chance(30) ? number() : JSON.objectNode();
    int own = known.size();
    ArrayNode branches = made.putArray(keyword);
    for (int n = random.nextInt(1, 4); n > 0; n--) {
      branches.add(objects ? object(depth + 1, known) : all ? text() : value(depth + 1));
    }
    if (objects) {
      made.remove("additionalProperties");
    }
    for (JsonNode branch : branches) {
      if (objects && all) {
        ((ObjectNode) branch).remove("additionalProperties");
      } else if (objects) {
        // a name that only other branches have would be written behind all names
        ObjectNode properties = JSON.objectNode();
        JsonNode drawn = branch.get("properties");
        for (int i = 0; i < known.size(); i++) {
          JsonNode property = drawn.get(known.get(i));
          if (property != null || i >= own) {
            properties.set(known.get(i), property == null ? JSON.booleanNode(true) : property);
          }
        }
        ((ObjectNode) branch).set("properties", properties);
      }
    }
    return made;
  }

  private ObjectNode oneOf(int depth) {
    ObjectNode made = JSON.objectNode();
    ArrayNode branches = made.putArray("oneOf");
    String tag = name();
    for (int i = 0; i < 3; i++) {
      ObjectNode branch = object(depth + 1, new ArrayList<>());
      branch.put("type", "object");
      ObjectNode properties = JSON.objectNode();
      properties.putObject(tag).put("const", "k" + i);
      branch.get("properties").properties().forEach(p -> properties.set(p.getKey(), p.getValue()));
      branch.set("properties", properties);
      ((ArrayNode) branch.get("required")).add(tag);
      branches.add(branch);
    }
    branches.addObject().put("type", "string").put("maxLength", 2);
    branches.addObject().put("type", "string").put("minLength", 3);
    branches.addObject().put("type", "integer").put("maximum", -1);
    branches.addObject().put("type", "number").put("minimum", 0);
    return made;
  }

  /// A value for a schema: what its keywords ask for as far as that is easy, and now and then not.
  JsonNode sample(JsonNode schema, int depth) {
    if (!schema.isObject() || depth > 8 || chance(2)) {
      return constant(1);
    }
    if (schema.has("$ref")) {
      return sample(definitions.get(schema.get("$ref").stringValue().substring(8)), depth + 1);
    }
    for (String list : List.of("oneOf", "anyOf", "allOf", "enum")) {
      JsonNode branches = schema.get(list);
      if (branches != null && !schema.has("properties")) {
        JsonNode one = branches.get(random.nextInt(branches.size()));
        return list.equals("enum") ? one : sample(one, depth + 1);
      }
    }
    if (schema.has("const")) {
      return schema.get("const");
    }
    JsonNode type = schema.get("type");
    String name =
        type == null
            ? schema.has("properties") ? "object" : "boolean"
            : type.isArray()
                ? type.get(random.nextInt(type.size())).stringValue()
                : type.stringValue();
    return switch (name) {
      case "null" -> JSON.nullNode();
      case "boolean" -> JSON.booleanNode(random.nextBoolean());
      case "integer", "number" -> sampleNumber(schema, name);
      case "string" -> JSON.stringNode(sampleText(schema));
      case "array" -> sampleList(schema, depth);
      default -> sampleObject(schema, depth);
    };
  }

  private JsonNode sampleNumber(JsonNode schema, String type) {
    double near = 0;
    for (String bound : List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")) {
      near = schema.has(bound) && chance(60) ? schema.get(bound).doubleValue() : near;
    }
    double value =
        near + random.nextInt(-8, 9) * List.of(0.05, 0.25, 1.0, 3.0).get(random.nextInt(4));
    double rounded = type.equals("integer") ? Math.rint(value) : Math.rint(value * 100) / 100;
    return JSON.numberNode(BigDecimal.valueOf(rounded));
  }

  private String sampleText(JsonNode schema) {
    List<String> likely =
        List.of(
            "2024-02-29",
            "2023-02-29",
            "23:59:59Z",
            "2024-12-31T01:02:03.5+01:00",
            "ab",
            "bb",
            "123e4567-e89b-12d3-a456-426614174000",
            "10.0.255.1",
            "256.1.1.1",
            "me@example.com",
            "12-ab",
            "x",
            "ay",
            "é.",
            "abab\"",
            "\\n",
            "abc",
            "c",
            "");
    return chance(60)
        ? likely.get(random.nextInt(likely.size()))
        : letters(random.nextInt(schema.has("minLength") ? 9 : 4));
  }

  private JsonNode sampleList(JsonNode schema, int depth) {
    ArrayNode made = JSON.arrayNode();
    JsonNode first = schema.path("prefixItems");
    int most = schema.path("items").isBoolean() ? first.size() : 4;
    int least = schema.path("minItems").asInt(0);
    int count = Math.max(least, random.nextInt(most + 1));
    for (int i = 0; i < count; i++) {
      made.add(sample(i < first.size() ? first.get(i) : schema.path("items"), depth + 1));
    }
    return made;
  }

  private JsonNode sampleObject(JsonNode schema, int depth) {
    ObjectNode made = JSON.objectNode();
    List<JsonNode> parts = new ArrayList<>(List.of(schema));
    schema.path("allOf").forEach(parts::add);
    for (String list : List.of("anyOf", "oneOf")) {
      JsonNode branches = schema.path(list);
      if (!branches.isEmpty()) {
        parts.add(branches.get(random.nextInt(branches.size())));
      }
    }
    for (JsonNode part : parts) {
      for (var property : part.path("properties").properties()) {
        boolean needed = false;
        for (JsonNode name : part.path("required")) {
          needed |= name.stringValue().equals(property.getKey());
        }
        if (needed ? !chance(3) : chance(50)) {
          made.set(property.getKey(), sample(property.getValue(), depth + 1));
        }
      }
      for (JsonNode name : part.path("required")) {
        if (!made.has(name.stringValue()) && chance(90)) {
          made.set(name.stringValue(), sample(part.path("additionalProperties"), depth + 1));
        }
      }
    }
    if (!schema.path("additionalProperties").isBoolean() ? chance(30) : chance(5)) {
      made.set("z" + random.nextInt(3), sample(schema.path("additionalProperties"), depth + 1));
    }
    return made;
  }
}
