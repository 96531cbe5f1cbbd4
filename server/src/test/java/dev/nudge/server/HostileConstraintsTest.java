package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Json;
import dev.nudge.server.Place.Reply;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/// Patterns and schemas that are small to send and large to compile, in a process with a small
/// heap.
class HostileConstraintsTest {
  private static final String HEAP = "-Xmx384m";
  private static final int REQUESTS = 200;
  private static final int CLIENTS = 32;
  private static final int DESCRIBED = 700;

  @Test
  @Timeout(1800)
  void twoHundredOfThemFrom32ClientsTakeNoMoreThanTheHeapAndOthersAreAnswered() throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(a -> a.startsWith("-D") || a.startsWith("--"))
        .forEach(command::add);
    command.addAll(List.of(HEAP, "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(HostileConstraintsTest.class.getName());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    String last = said.strip().lines().toList().getLast();
    JsonNode counts = Place.JSON.readTree(last);
    assertThat(counts.propertyNames())
        .as(said)
        .contains("200", "400 invalid_value", "ordinary")
        .isSubsetOf("200", "400 invalid_value", "429 queue_full", "ordinary");
  }

  /// The server and its clients; prints how many replies of each kind came, and how many ordinary
  /// answers meanwhile.
  public static void main(String[] none) throws Exception {
    Map<String, Integer> counts = new ConcurrentHashMap<>();
    AtomicBoolean over = new AtomicBoolean();
    try (Place place = Place.open();
        ExecutorService clients = Executors.newFixedThreadPool(CLIENTS + 1)) {
      Future<Integer> ordinary =
          clients.submit(
              () -> {
                int answered = 0;
                do {
                  Reply reply = place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 2"));
                  if (reply.status() != 200) {
                    throw new AssertionError(reply.text());
                  }
                  answered++;
                } while (!over.get());
                return answered;
              });
      List<Future<?>> hostile = new ArrayList<>();
      for (int i = 0; i < REQUESTS; i++) {
        String body = hostile(i);
        hostile.add(
            clients.submit(
                () -> {
                  Reply reply = place.post(CHAT, body);
                  String kind = (reply.status() + " " + reply.error("code")).strip();
                  counts.merge(kind, 1, Integer::sum);
                }));
      }
      for (Future<?> one : hostile) {
        one.get();
      }
      for (int i = 0; i < DESCRIBED; i++) { // small to compile, and their texts exceed the heap
        Reply reply = place.post(CHAT, described(i));
        if (reply.status() != 200) {
          throw new AssertionError(reply.text());
        }
      }
      over.set(true);
      counts.put("ordinary", ordinary.get());
      if (!place.warnings.stream().noneMatch(line -> line.contains("internal"))) {
        throw new AssertionError(place.warnings);
      }
    }
    System.out.println(Json.line(new TreeMap<>(counts)));
    System.exit(0);
  }

  private static final String CHAT = "/v1/chat/completions";

  private static String described(int i) {
    return Place.chat(
        "one",
        "hi",
        "\"max_tokens\": 1, \"guided_json\": {\"type\": \"boolean\", \"description\": \"%d %s\"}"
            .formatted(i, "ж".repeat(260_000)));
  }

  private static String hostile(int i) {
    String text =
        switch (i % 10) {
          case 0 -> "((a{999}){999}){9}x{%d}".formatted(i);
          case 1 -> "(.?){%d}".formatted(39_000 + i);
          case 2 -> "(a|b|[^c])*a(.|b){%d}".formatted(20_000 + i);
          case 3 ->
              IntStream.range(0, 2000)
                  .mapToObj(j -> "[\\p{L}\\u%04x]".formatted(0x2190 + j))
                  .collect(Collectors.joining("|", "(", "){" + i + "}"));
          case 4 ->
              "{\"type\": \"array\", \"maxItems\": %d, \"items\": {\"type\": \"string\"}}"
                  .formatted(29_000 + i);
          case 5 ->
              "{\"type\": \"string\", \"pattern\": \"^(\\\\p{L}|[0-9]|é){1,%d}$\", \"maxLength\": 4000}"
                  .formatted(9_000 + i);
          case 6 ->
              "{\"type\": \"number\", \"multipleOf\": 9973, \"minimum\": -1e300, \"maximum\": %d}"
                  .formatted(i);
          case 7 ->
              "{\"$defs\": {\"e\": {\"enum\": %s}}, \"allOf\": [%s]}"
                  .formatted(
                      IntStream.range(i, 32_000 + i).boxed().toList(),
                      String.join(",", Collections.nCopies(25, "{\"$ref\": \"#/$defs/e\"}")));
          case 8 ->
              IntStream.range(0, 60_000)
                  .mapToObj(j -> Character.toString(0x3000 + 2 * j))
                  .filter(c -> !Character.isSurrogate(c.charAt(0)) || c.length() == 2)
                  .collect(Collectors.joining("", "[", "]{" + i + "}"));
          default ->
              IntStream.range(0, 400)
                  .mapToObj(j -> "{\"required\": [\"r%d\"]}".formatted(j))
                  .collect(
                      Collectors.joining(
                          ",",
                          "{\"type\": \"object\", \"properties\": {"
                              + IntStream.range(0, 1500)
                                  .mapToObj(j -> "\"p%d\": {\"maxLength\": %d}".formatted(j, i))
                                  .collect(Collectors.joining(","))
                              + "}, \"anyOf\": [",
                          "]}"));
        };
    String field = i % 8 < 4 ? "guided_regex" : "guided_json";
    return Place.chat(
            "base", "hi", "\"max_tokens\": 6, \"%s\": %s".formatted(field, Json.line(text)))
        .replace("\"temperature\": 0", "\"temperature\": 1");
  }
}
