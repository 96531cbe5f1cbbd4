package dev.nudge.text.chat;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

/// A template of `golden/chat`, or, where the property `nudge.chat.templates` names a folder that
/// `src/test/reference/chat_fetch.py` filled, one that may not lie in the repository; and what
/// transformers makes of our conversations with it.
record ChatGolden(String name, JsonNode cases) {
  static final String OUTSIDE = "nudge.chat.templates";
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden/chat");
  private static final LocalDateTime NOW = LocalDateTime.of(2025, 7, 4, 9, 5, 3);

  static List<ChatGolden> all() throws IOException {
    List<ChatGolden> all = new ArrayList<>();
    read("expected.json")
        .properties()
        .forEach(e -> all.add(new ChatGolden(e.getKey(), e.getValue())));
    return all;
  }

  private static JsonNode read(String file) throws IOException {
    return JsonMapper.shared().readTree(Files.readString(GOLDEN.resolve(file)));
  }

  Path folder() {
    String outside = System.getProperty(OUTSIDE);
    Path here = GOLDEN.resolve(name);
    Path folder =
        Files.isDirectory(here) || outside == null ? here : Path.of(outside).resolve(name);
    assumeTrue(Files.isDirectory(folder), name + " is not there; -D" + OUTSIDE + " names a folder");
    return folder;
  }

  ChatTemplate template() {
    return ChatTemplate.load(folder(), null).withTime(NOW);
  }

  /// A conversation of ours.
  record Talk(
      String name, ArrayNode messages, @Nullable ArrayNode tools, Map<String, JsonNode> variables) {
    static List<Talk> all() throws IOException {
      List<Talk> all = new ArrayList<>();
      read("conversations.json")
          .properties()
          .forEach(
              e -> {
                Map<String, JsonNode> variables = new LinkedHashMap<>();
                e.getValue()
                    .path("variables")
                    .properties()
                    .forEach(v -> variables.put(v.getKey(), v.getValue()));
                JsonNode tools = e.getValue().path("tools");
                all.add(
                    new Talk(
                        e.getKey(),
                        (ArrayNode) e.getValue().path("messages"),
                        tools instanceof ArrayNode array ? array : null,
                        variables));
              });
      return all;
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
