package dev.nudge.constrain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import dev.nudge.Seeds;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.exc.JsonNodeException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Hold constraints of schemas to a validator, `json-schema-validator` of networknt.
class JsonSchemaTest {
  static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNumberLength(100_000).build())
                  .build())
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  private static final SchemaRegistry REGISTRY =
      SchemaRegistry.withDefaultDialect(
          SpecificationVersion.DRAFT_2020_12,
          builder ->
              builder.schemaRegistryConfig(
                  SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build()));

  @TempDir Path folder;

  static Schema validator(JsonNode schema) {
    return REGISTRY.getSchema(schema);
  }

  /// A value in the layout, each space there or not.
  static String layout(JsonNode value, Random random) {
    String comma = random.nextBoolean() ? "," : ", ";
    if (value.isArray()) {
      List<String> items = new ArrayList<>();
      value.forEach(item -> items.add(layout(item, random)));
      return "[" + String.join(comma, items) + "]";
    }
    if (value.isObject()) {
      List<String> names = new ArrayList<>(value.propertyNames());
      names.sort(
          Comparator.<String>comparingInt(n -> n.charAt(0))
              .thenComparingInt(n -> Integer.parseInt(n.substring(1))));
      String colon = random.nextBoolean() ? ":" : ": ";
      List<String> properties =
          names.stream()
              .map(n -> JSON.writeValueAsString(n) + colon + layout(value.get(n), random))
              .toList();
      return "{" + String.join(comma, properties) + "}";
    }
    return value.isNumber()
        ? value.decimalValue().stripTrailingZeros().toPlainString()
        : JSON.writeValueAsString(value);
  }

  private static void names(JsonNode node, Set<String> to) {
    to.addAll(node.propertyNames());
    node.forEach(part -> names(part, to));
  }

  /// Spring AI's and OpenAPI's schemas name the width of each number.
  @Test
  void theWidthOfANumberIsANote() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    for (String type : List.of("integer\",\"format\":\"int32", "number\",\"format\":\"double")) {
      String schema = "{\"type\":\"" + type + "\",\"minimum\":1,\"maximum\":2}";
      String walked =
          Walks.text(
              Constraint.jsonSchema(schema, tokenizer, List.of(tokenizer.eosId())),
              tokenizer,
              tokenizer.eosId(),
              Seeds.random(),
              5);
      assertThat(JSON.readTree(walked).doubleValue()).isBetween(1.0, 2.0);
    }
  }

  @Test
  void whatAThousandSchemasAllowIsWhatAValidatorCallsValid() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    int end = tokenizer.eosId();
    Random random = Seeds.random();
    Map<String, Integer> seen = new HashMap<>();
    Set<String> keywords = new TreeSet<>();
    for (int n = 0; n < 1000; ) {
      RandomSchema drawn = new RandomSchema(random);
      ObjectNode schema = drawn.draw();
      Schema validator = validator(schema);
      Constraint constraint;
      try {
        constraint = Constraint.jsonSchema(schema.toString(), tokenizer, List.of(end));
      } catch (InputException e) {
        assertThat(e).as(schema.toString()).hasMessageContaining("allows no text");
        seen.merge("empty", 1, Integer::sum);
        for (int i = 0; i < 10; i++) {
          JsonNode value = drawn.sample(schema, 0);
          assertThat(validator.validate(value)).as("%s for %s", value, schema).isNotEmpty();
        }
        continue;
      }
      n++;
      names(schema, keywords);
      for (int i = 0; i < 3; i++) {
        String walked = Walks.text(constraint, tokenizer, end, random, random.nextInt(30));
        if (walked == null) {
          seen.merge("endless", 1, Integer::sum);
          continue;
        }
        try {
          assertThat(validator.validate(JSON.readTree(walked)))
              .as("%s for %s", walked, schema)
              .isEmpty();
          seen.merge("walked", 1, Integer::sum);
        } catch (JsonNodeException e) {
          // the validator reads some numbers as long
          assertThat(e).hasMessageContaining("not in 64-bit");
          seen.merge("beyond the validator", 1, Integer::sum);
        }
      }
      for (int i = 0; i < 4; i++) {
        JsonNode value = drawn.sample(schema, 0);
        String text = layout(value, random);
        boolean valid = validator.validate(value).isEmpty();
        assertThat(Walks.allows(constraint, tokenizer, text, random))
            .as("%s for %s", text, schema)
            .isEqualTo(valid);
        assertThat(JsonSchema.parse(schema.toString()).accepts(value.toPrettyString()))
            .as("%s for %s", text, schema)
            .isEqualTo(valid);
        seen.merge(valid ? "valid" : "invalid", 1, Integer::sum);
      }
    }
    System.out.println("JsonSchemaTest: " + seen);
    assertThat(keywords).containsAll(SchemaReader.KEYWORDS);
    assertThat(seen.get("walked")).isGreaterThan(2700);
    assertThat(seen.get("valid")).isGreaterThan(1000);
    assertThat(seen.get("invalid")).isGreaterThan(500);
  }

  private boolean allows(String schema, String text) throws IOException {
    return allows(schema, text, Walks.trained(folder));
  }

  private static boolean allows(String schema, String text, Tokenizer tokenizer) {
    Constraint constraint = Constraint.jsonSchema(schema, tokenizer, List.of());
    return Walks.allows(constraint, tokenizer, text, new Random(7));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '`',
      value = {
        "{} -> {\"b\":1,\"a\": [1e5, -0.50,true]} -> true",
        "{} -> {\"b\":  1} -> false", // two spaces
        "{} -> {\"b\":1 } -> false",
        "{} -> [ 1] -> false",
        "{} -> \"\\n\\u001F\\u001f\\\"é\" -> true",
        "{} -> \"\\u00e9\" -> false", // é is written as itself
        "{} -> \"\\/\" -> false",
        "{} -> [[[[[[]]]]]] -> true",
        "{} -> 01 -> false",
        "{\"properties\":{\"b\":{},\"a\":{}},\"type\":\"object\"} -> {\"b\":1,\"a\":2,\"c\":3} ->"
            + " true",
        "{\"properties\":{\"b\":{},\"a\":{}},\"type\":\"object\"} -> {\"a\":1,\"b\":2} -> false",
        "{\"required\":[\"r\"],\"properties\":{\"a\":{}}} -> {\"a\":1,\"r\":2,\"c\":3} -> true",
        "{\"required\":[\"r\"],\"properties\":{\"a\":{}}} -> {\"a\":1,\"c\":3} -> false",
        "{\"const\":{\"b\":1.50,\"a\":[1,2]}} -> {\"b\": 1.5,\"a\":[1, 2]} -> true",
        "{\"$ref\":\"#/properties/a~1b%25\",\"properties\":{\"a/b%\":{\"type\":\"null\"}}} -> null"
            + " -> true",
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}} -> [[],[[], []]] -> true",
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}} -> [[],[1]] -> false",
        "{\"type\":\"number\",\"multipleOf\":0.01} -> 1.25 -> true",
        "{\"type\":\"number\",\"multipleOf\":0.01} -> 1.255 -> false",
        "{\"type\":\"integer\",\"multipleOf\":30,\"exclusiveMinimum\":-60} -> -60 -> false",
        "{\"type\":\"integer\",\"multipleOf\":30,\"exclusiveMinimum\":-60} -> -30 -> true",
        "{\"type\":\"integer\"} -> -0 -> false",
        "{\"type\":\"number\",\"maximum\":1e2} -> 100.0 -> true",
        "{\"type\":\"number\",\"maximum\":1e2} -> 100.001 -> false",
        "true -> 5 -> true",
      })
  void aValueHasOneLayout(String schema, String text, boolean allowed) throws IOException {
    assertThat(allows(schema, text)).isEqualTo(allowed);
  }

  /// JSON Schema calls numbers equal by value, at every depth (Validation, 6.1.2 and 6.1.3; Core,
  /// 4.2.2). The validator of 3.0.9 does so too; that of 3.0.1, which Spring AI brings, does not.
  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '`',
      value = {
        "{\"const\":%s} -> %s",
        "{\"enum\":[null,[[false,%s],-15]]} -> [[false, %s], -15]",
        "{\"enum\":[{\"a\":[{\"b\":%s}]}]} -> {\"a\": [{\"b\": %s}]}",
        "{\"const\":[[[%s]]]} -> [[[%s]]]",
        "{\"const\":{\"a\":{\"b\":%s}}} -> {\"a\": {\"b\": %s}}",
        "{\"type\":\"array\",\"items\":{\"enum\":[[%s]]}} -> [[%s]]",
      })
  void numbersOfNamedValuesAreEqualByValue(String schema, String text) throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    List<List<String>> same =
        List.of(List.of("1.5", "1.50", "15e-1", "0.15E1"), List.of("100", "1e2", "100.0"));
    for (List<String> spellings : same) {
      String written = text.formatted(spellings.getFirst());
      for (String spelled : spellings) {
        String named = schema.formatted(spelled);
        assertThat(allows(named, written, tokenizer)).as("%s for %s", written, named).isTrue();
        assertThat(allows(named, text.formatted("1.51"), tokenizer)).isFalse();
        Schema validator = validator(JSON.readTree(named));
        for (String other : spellings) {
          JsonNode value = JSON.readTree(text.formatted(other));
          assertThat(validator.validate(value)).as("%s for %s", value, named).isEmpty();
          String both = "{\"allOf\":[" + named + "," + schema.formatted(other) + "]}";
          assertThat(allows(both, written, tokenizer)).as("%s for %s", written, both).isTrue();
        }
      }
    }
  }

  /// Two rules run side by side here and call the same one, at two depths.
  @Test
  void branchesThatReadTheSameForAWhileBothGoOn() throws IOException {
    String branches =
        IntStream.of(1, 2)
            .mapToObj(
                i ->
                    """
                    {"type": "object", "properties": {"n1": {"type": "array", "items": {
                      "type": "object", "properties": {"n2": {"type": "string"},
                        "n3": {"type": "array", "items": {"type": "boolean"}},
                        "n4": {"const": %d}},
                      "required": ["n2", "n4"], "additionalProperties": false}}}}
                    """
                        .formatted(i))
            .collect(Collectors.joining(","));
    String schema = "{\"type\":\"array\",\"items\":{\"anyOf\":[" + branches + "]}}";
    for (int i = 1; i <= 3; i++) {
      String item = "{\"n2\": \"x\", \"n3\": [true], \"n4\": " + i + "}";
      String text = "[{\"n1\": [" + item + ", " + item + "]}]";
      assertThat(allows(schema, text)).as(text).isEqualTo(i < 3);
    }
    String mixed = "[{\"n1\": [{\"n2\": \"x\", \"n4\": 1}, {\"n2\": \"x\", \"n4\": 2}]}]";
    assertThat(allows(schema, mixed)).isFalse();
  }

  @Test
  void lengthsOfLongTextsAreCounted() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    Random random = Seeds.random();
    for (int[] bounds :
        new int[][] {{0, 64}, {0, 65}, {63, 200}, {64, 128}, {130, -1}, {200, 199}}) {
      String most = bounds[1] < 0 ? "" : ",\"maxLength\":" + bounds[1];
      String schema = "{\"type\":\"string\",\"minLength\":" + bounds[0] + most + "}";
      if (bounds[1] >= 0 && bounds[1] < bounds[0]) {
        assertThatThrownBy(() -> Constraint.jsonSchema(schema, tokenizer, List.of()))
            .hasMessageContaining("allows no text");
        continue;
      }
      Constraint constraint = Constraint.jsonSchema(schema, tokenizer, List.of());
      for (int length = 0; length < 270; length++) {
        String text = '"' + letters(length, random) + '"';
        assertThat(Walks.allows(constraint, tokenizer, text, random))
            .as("%d characters for %s", length, schema)
            .isEqualTo(length >= bounds[0] && (bounds[1] < 0 || length <= bounds[1]));
      }
    }
  }

  private static String letters(int count, Random random) {
    List<String> letters = List.of("a", "é", "日", "😀", "\\n", "\\u001f", " ");
    return random
        .ints(count, 0, letters.size())
        .mapToObj(letters::get)
        .collect(Collectors.joining());
  }

  @Test
  void addressesThatAreAllowedAreAddresses() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    String schema = "{\"type\":\"string\",\"format\":\"email\"}";
    Constraint constraint = Constraint.jsonSchema(schema, tokenizer, List.of());
    Schema validator = validator(JSON.readTree(schema));
    Random random = Seeds.random();
    for (int n = 0; n < 200; n++) {
      String text = Walks.shortened(constraint, tokenizer, random, random.nextInt(12));
      // the validator knows the top domains that there are
      String known = text.replaceAll("\\.[a-z]+\"$", ".com\"");
      assertThat(validator.validate(JSON.readTree(known))).as(known).isEmpty();
    }
    for (String address : List.of("me@example.com", "Ada.L+1@a-b.co.uk")) {
      assertThat(Walks.allows(constraint, tokenizer, '"' + address + '"', random)).isTrue();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '`',
      value = {
        "`` -> the schema is empty; {} allows any JSON value",
        "{ -> the schema is not JSON, line 1, column 2: it ends before its closing brace",
        "{} {} -> the schema is not JSON, line 1, column 4: something stands behind its end",
        "{\"type\":\"null\",\"type\":\"null\"} -> the name \"type\" comes twice",
        "7 -> the schema at #: 7 is no schema; it is an object, true or false",
        "{\"items\":{\"not\":{}}} -> the schema at #/items: the keyword 'not' is not supported;"
            + " supported are type, enum",
        "{\"if\":{}} -> the schema at #: the keyword 'if' is not supported",
        "{\"patternProperties\":{}} -> the schema at #: the keyword 'patternProperties' is not"
            + " supported",
        "{\"nullable\":true} -> the schema at #: the keyword 'nullable' is not supported",
        "{\"items\":{\"$id\":\"x\"}} -> the schema at #/items: the keyword '$id' is not supported"
            + " below the top",
        "{\"type\":\"int\"} -> the schema at #/type: \"int\" is not null, boolean, integer, number,"
            + " string",
        "{\"type\":[]} -> the schema at #/type: [] is not null, boolean",
        "{\"enum\":[]} -> the schema at #/enum: [] is not a list of at least one value",
        "{\"enum\":[1e999999]} -> the schema at #/enum: [1E+999999] is not of numbers of at most"
            + " 400 digits",
        "{\"const\":1e999999} -> the schema at #/const: 1E+999999 is not of numbers of at most 400"
            + " digits",
        "{\"minimum\":1e999999} -> the schema at #/minimum: 1E+999999 is not a number of at most"
            + " 400 digits",
        "{\"minimum\":\"1\"} -> the schema at #/minimum: \"1\" is not a number",
        "{\"exclusiveMaximum\":true} -> the schema at #/exclusiveMaximum: true is not a number",
        "{\"multipleOf\":0} -> the schema at #/multipleOf: 0 is not a number above 0",
        "{\"type\":\"integer\",\"multipleOf\":1000001} -> the schema at #: multipleOf comes to"
            + " 1000001; its digits without the point may be at most 10,000",
        "{\"minLength\":-1} -> the schema at #/minLength: -1 is not a whole number from 0 on",
        "{\"maxItems\":1.5} -> the schema at #/maxItems: 1.5 is not a whole number from 0 on",
        "{\"maxLength\":99999999} -> the schema at #: it needs more than 1,000,000 states and"
            + " transitions; use smaller lengths and counts",
        "{\"maxItems\":99999999} -> the schema at #: it needs more than 1,000,000 states and"
            + " transitions; use smaller lengths and counts",
        "{\"pattern\":\"(a)\\\\1\"} -> the schema at #/pattern: the pattern '(a)\\1', at character"
            + " 4: a back reference is not regular",
        "{\"format\":\"hostname\"} -> the schema at #/format: \"hostname\" is not a format that is"
            + " supported; those are date, date-time, email, ipv4, time, uuid",
        "{\"items\":[{}]} -> the schema at #/items: [{}] is not one schema; a list of them is"
            + " prefixItems",
        "{\"uniqueItems\":true} -> the schema at #/uniqueItems: true is not false; unique items"
            + " cannot be enforced",
        "{\"properties\":[]} -> the schema at #/properties: [] is not an object of schemas",
        "{\"properties\":{\"a/b\":1}} -> the schema at #/properties/a~1b: 1 is no schema",
        "{\"required\":\"a\"} -> the schema at #/required: \"a\" is not a list of names",
        "{\"anyOf\":[]} -> the schema at #/anyOf: [] is not a list of at least one schema",
        "{\"$ref\":\"other.json\"} -> the schema at #/$ref: 'other.json' is not within the schema;"
            + " references are # and #/$defs/",
        "{\"$ref\":\"#/$defs/x\"} -> the schema at #/$ref: '#/$defs/x' is not there",
        "{\"$ref\":\"#\"} -> the schema at #: $ref leads back here without a value between",
        "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]} -> the schema at #/oneOf: a"
            + " value may be valid under branches 0 and 1; set them apart",
        "{\"type\":\"string\",\"minLength\":3,\"maxLength\":2} -> the schema allows no text",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]} -> the"
            + " schema allows no text that ends",
        "false -> the schema allows no text",
      })
  void aBadSchemaIsRefusedInOneLineThatSaysWhere(String schema, String message) throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    assertThatThrownBy(() -> Constraint.jsonSchema(schema, tokenizer, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("\n");
  }

  @Test
  void manyBranchesAreRefused() throws IOException {
    Tokenizer tokenizer = Walks.trained(folder);
    String ten =
        IntStream.range(0, 11)
            .mapToObj(i -> "{\"required\":[\"r" + i + "x%d\"]}")
            .collect(Collectors.joining(",", "{\"anyOf\":[", "]}"));
    String all =
        IntStream.range(0, 4)
            .mapToObj(i -> ten.replace("%d", "" + i))
            .collect(Collectors.joining(",", "{\"allOf\":[", "]}"));
    assertThatThrownBy(() -> Constraint.jsonSchema(all, tokenizer, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("more than 1000 branches when all are joined");
  }

  @Test
  void aTokenizerWithoutBytesIsRefused() throws IOException {
    Files.writeString(
        folder.resolve("tokenizer.json"),
        """
        {"version": "1.0", "added_tokens": [], "decoder": {"type": "WordPiece", "prefix": "##",
         "cleanup": true}, "model": {"type": "WordPiece", "unk_token": "[UNK]",
         "continuing_subword_prefix": "##", "max_input_chars_per_word": 9, "vocab": {"[UNK]": 0}}}
        """);
    Tokenizer tokenizer = Tokenizer.load(folder);
    assertThatThrownBy(() -> Constraint.jsonSchema("{}", tokenizer, List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("the decoder of tokenizer.json is not one whose tokens are known");
  }
}
