package dev.nudge.server.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.server.CaptureSettings;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.Schema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// What is kept of answers and feedback, where, and for how long.
@Timeout(1800)
class CaptureTest {
  private static final Instant NOON = Instant.parse("2026-11-30T12:00:00Z");

  @TempDir Path folder;
  private final List<String> warnings = Collections.synchronizedList(new ArrayList<>());
  private Instant now = NOON;

  private Capture open(Object... more) {
    Map<String, Object> values = new HashMap<>(Map.of("capture", folder.resolve("kept")));
    for (int i = 0; i < more.length; i += 2) {
      values.put((String) more[i], more[i + 1]);
    }
    InstantSource clock = () -> now;
    return Objects.requireNonNull(
        Capture.open(
            Schema.of(CaptureSettings.class).of(values), "sha256:base", clock, warnings::add));
  }

  private static CapturedAnswer answer(String client, String id, String prompt, String text) {
    return new CapturedAnswer(
        "req-" + id,
        id,
        client,
        "teams@champion",
        "teams",
        2,
        "sha256:adapter",
        "sha256:base",
        "tone",
        "B",
        Json.parse("[{\"role\":\"user\",\"content\":" + Json.line(prompt) + "}]"),
        null,
        List.of(Json.parse("{\"content\":" + Json.line(text) + ",\"role\":\"assistant\"}")),
        List.of("stop"));
  }

  static Opinion rating(String id, double score) {
    return new Opinion(id, false, 0, score, null, null, null, null);
  }

  private static Opinion corrected(String id, @Nullable String text, @Nullable String earlier) {
    JsonNode correction = text == null ? null : JsonNodeFactory.instance.stringNode(text);
    return new Opinion(id, false, 0, null, null, null, correction, earlier);
  }

  private List<JsonNode> lines() throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (Path file : CaptureFiles.all(folder.resolve("kept"))) {
      CaptureReader.read(file, lines::add);
    }
    return lines;
  }

  @Test
  void anAnswerAndWhatWasSaidOfItAreLinesOfAFileOfClientAndAdapter() throws IOException {
    try (Capture capture = open()) {
      capture.answered(answer("shop", "a1", "Where is it?", "On its way."));
      Capture.RatedAnswer taken =
          Objects.requireNonNull(
              capture.take(
                  "shop", new Opinion("req-a1", true, 0, 1.0, "tone", "nice", null, null)));
      assertThat(taken).isEqualTo(new Capture.RatedAnswer("req-a1", "teams:2"));
      assertThat(capture.lastDay()).containsExactly(new DayCounts.Row("teams:2", 1, 1, 0, 0, 0, 1));
    }
    Path file = folder.resolve("kept/shop/teams/2026-11-30.jsonl");
    assertThat(Files.readAllLines(file))
        .containsExactly(
            "{\"time\":\"2026-11-30T12:00:00Z\",\"kind\":\"answer\",\"id\":\"a1\",\"request_id\":\"req-a1\","
                + "\"client\":\"shop\",\"model\":\"teams@champion\",\"adapter\":\"teams\",\"version\":2,"
                + "\"adapter_digest\":\"sha256:adapter\",\"base_digest\":\"sha256:base\","
                + "\"experiment\":\"tone\",\"arm\":\"B\",\"prompt\":[{\"role\":\"user\",\"content\":\"Where"
                + " is it?\"}],\"answers\":[{\"content\":\"On its"
                + " way.\",\"role\":\"assistant\"}],\"finish\":[\"stop\"]}",
            "{\"time\":\"2026-11-30T12:00:00Z\",\"kind\":\"feedback\",\"id\":\"a1\",\"choice\":0,"
                + "\"score\":1.0,\"label\":\"tone\",\"comment\":\"nice\"}");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    for (Path at = file.getParent(); at != null && !at.equals(folder); at = at.getParent()) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(at)))
          .isEqualTo("rwx------");
    }
  }

  @Test
  void namesCannotLeaveTheFolder() throws IOException {
    String long200 = "x".repeat(200);
    try (Capture capture = open()) {
      for (String client : List.of("../../up", "..", "/etc", "a b\u0000\n", "ÄÖ", long200)) {
        capture.answered(answer(client, "id" + client.hashCode(), "hi", "ho"));
      }
    }
    assertThat(lines()).hasSize(6);
    try (var all = Files.list(folder)) {
      assertThat(all).containsExactly(folder.resolve("kept"));
    }
    try (var all = Files.list(folder.resolve("kept"))) {
      assertThat(all.map(p -> p.getFileName().toString()))
          .hasSize(6)
          .allMatch(name -> name.matches("[A-Za-z0-9_%-][A-Za-z0-9._%-]{0,99}"))
          .contains("%2E.%2F..%2Fup", "%2E.", "a%20b%00%0A");
    }
  }

  @Test
  void onlyClientsAndAdaptersThatAreNamedAreCaptured() throws IOException {
    try (Capture capture =
        open("capture_client", List.of("shop"), "capture_adapter", List.of("teams"))) {
      capture.answered(answer("shop", "a1", "hi", "ho"));
      capture.answered(answer("bank", "a2", "hi", "ho"));
      assertThat(capture.take("bank", rating("a2", 1))).isNull();
    }
    assertThat(lines()).hasSize(1);
    try (Capture capture = open("capture_adapter", List.of("legal"))) {
      capture.answered(answer("shop", "a3", "hi", "ho"));
    }
    assertThat(lines()).hasSize(1);
  }

  @Test
  void secretsAndPersonalDataAreReplacedUnlessToldNot() throws IOException {
    String text = "I am ann@acme.com, password: hunter22x and card 4111 1111 1111 1111";
    String key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nand then";
    try (Capture capture = open()) {
      capture.answered(answer("ann@acme.com", "a1", text, key));
      capture.take("ann@acme.com", corrected("a1", "ask bob@acme.com", null));
    }
    assertThat(lines().getFirst().at("/prompt/0/content").asString())
        .isEqualTo("I am [EMAIL], password: [PASSWORD] and card [CARD]");
    assertThat(lines().getFirst().at("/answers/0/content").asString())
        .isEqualTo("[PRIVATE_KEY]\nand then");
    assertThat(lines().getFirst().path("client").asString()).isEqualTo("ann@acme.com");
    assertThat(lines().getLast().path("correction").asString()).isEqualTo("ask [EMAIL]");
    try (Capture capture = open("capture_redact", false)) {
      capture.answered(answer("ann@acme.com", "a2", text, key));
    }
    assertThat(lines().getLast().at("/prompt/0/content").asString()).isEqualTo(text);
  }

  @Test
  void filesOfDaysThatAreOverAreDeleted() throws IOException {
    for (int day = 0; day < 4; day++) {
      now = NOON.plusSeconds(day * 24L * 3600);
      try (Capture capture = open("capture_days", 2)) {
        capture.answered(answer("shop", "a" + day, "hi", "ho"));
      }
    }
    assertThat(CaptureFiles.all(folder.resolve("kept")))
        .extracting(CaptureFiles::day)
        .containsExactly(LocalDate.of(2026, 12, 2), LocalDate.of(2026, 12, 3));
  }

  @Test
  void aFileIsFollowedByAnotherOneWhereItIsLarge() throws IOException {
    CaptureFiles files = new CaptureFiles(folder, 100);
    Path where = files.folder("shop", "teams");
    LocalDate day = LocalDate.of(2026, 11, 30);
    for (int i = 0; i < 12; i++) {
      files.append(where, day, List.of("{\"id\":\"" + "x".repeat(100) + i + "\"}"), i == 3);
    }
    List<Path> all = CaptureFiles.all(folder);
    assertThat(all).hasSize(12);
    assertThat(all.get(1)).hasFileName("2026-11-30-2.jsonl");
    assertThat(all.getLast()).hasFileName("2026-11-30-12.jsonl");
    new CaptureFiles(folder, 100).append(where, day, List.of("{\"id\":\"y\"}"), false);
    assertThat(CaptureFiles.all(folder)).hasSize(13);
  }

  @Test
  void aLineThatACrashHasTornHarmsNoOther() throws IOException {
    try (Capture capture = open()) {
      capture.answered(answer("shop", "a1", "hi", "ho"));
    }
    Path file = folder.resolve("kept/shop/teams/2026-11-30.jsonl");
    byte[] whole = Files.readAllBytes(file);
    for (int cut : new int[] {1, 2, 40, whole.length - 1}) {
      byte[] torn = Arrays.copyOf(whole, 2 * whole.length - cut);
      System.arraycopy(whole, 0, torn, whole.length, whole.length - cut);
      Files.write(file, torn);
      try (Capture capture = open()) {
        capture.answered(answer("shop", "a2", "hi", "ho"));
        assertThat(capture.take("shop", rating("a1", 1))).isNotNull();
        assertThat(capture.take("shop", rating("a2", 0))).isNotNull();
      }
      List<String> ids = lines().stream().map(line -> line.path("id").asString()).toList();
      // a line without its end alone is whole
      assertThat(ids).as("cut " + cut).endsWith("a1", "a2", "a1", "a2").hasSize(cut == 1 ? 5 : 4);
    }
  }

  @Test
  void feedbackIsForAnswersOfItsClientAlsoAfterARestart() throws IOException {
    try (Capture capture = open()) {
      capture.answered(answer("shop", "a1", "hi", "ho"));
      assertThat(capture.take("bank", rating("a1", 1))).isNull();
      assertThat(capture.take("bank", new Opinion("req-a1", true, 0, 1.0, null, null, null, null)))
          .isNull();
      assertThat(capture.take("shop", rating("a1", 1))).isNotNull();
    }
    now = NOON.plusSeconds(13 * 3600); // of the next day
    try (Capture capture = open()) {
      assertThat(capture.take("shop", rating("a1", 0))).isNotNull();
      assertThat(capture.lastDay()).containsExactly(new DayCounts.Row("teams:2", 1, 1, 1, 0, 0, 0));
    }
    now = NOON.plusSeconds(25 * 3600);
    try (Capture capture = open()) {
      assertThat(capture.lastDay()).containsExactly(new DayCounts.Row("teams:2", 0, 0, 1, 0, 0, 0));
    }
    now = NOON.plusSeconds(50 * 3600);
    try (Capture capture = open()) {
      assertThat(capture.take("shop", rating("a1", 0))).isNull();
    }
  }

  @Test
  void feedbackThatDoesNotFitItsAnswerIsRefused() {
    try (Capture capture = open()) {
      capture.answered(answer("shop", "a1", "hi", "ho"));
      assertThatThrownBy(
              () -> capture.take("shop", new Opinion("a1", false, 1, 1.0, null, null, null, null)))
          .hasMessage("choice is 1; the answer has 1, counted from 0");
      for (String earlier : List.of("a1", "req-a1", "nothing")) {
        assertThatThrownBy(() -> capture.take("shop", corrected("a1", null, earlier)))
            .hasMessageStartingWith("regeneration_of is '" + earlier + "'; it must be the");
      }
    }
  }

  @Test
  void oneServerAtATimeHasAFolder() {
    try (Capture first = open()) {
      assertThatThrownBy(this::open)
          .isInstanceOf(RunException.class)
          .hasMessageStartingWith("another nudge process is writing to ");
      assertThat(first.base()).isEqualTo("sha256:base");
    }
    open().close();
  }

  @Test
  void aDiskThatRefusesIsToldOnceAndCountedAndAnswersGoOn() throws IOException {
    try (Capture capture = open()) {
      Files.writeString(folder.resolve("kept/shop"), "a file where a folder should be");
      capture.answered(answer("shop", "a1", "hi", "ho"));
      assertThatThrownBy(() -> capture.take("shop", rating("a1", 1)))
          .isInstanceOf(RunException.class);
      assertThatThrownBy(() -> capture.take("shop", rating("a1", 1)))
          .isInstanceOf(RunException.class);
      assertThat(capture.failed()).isEqualTo(3);
      assertThat(warnings).singleElement().asString().startsWith("answers are not captured: ");
      Files.delete(folder.resolve("kept/shop"));
      assertThat(capture.take("shop", rating("a1", 1))).isNotNull();
      assertThat(capture.written()).isEqualTo(1);
    }
  }

  @Test
  void whatHasNoRoomInTheQueueIsDroppedAndCounted() {
    CaptureQueue queue =
        new CaptureQueue(
            new CaptureFiles(folder), true, 1, () -> NOON, warnings::add, new DayCounts());
    // its writer does not run: a disk that stands still
    for (int i = 0; i < CaptureQueue.MOST_LINES + 5; i++) {
      queue.offer(folder, "teams", answer("shop", "a", "hi", "ho").json(), NOON, null);
    }
    assertThat(queue.dropped()).isEqualTo(5);
    CaptureQueue bytes =
        new CaptureQueue(
            new CaptureFiles(folder), true, 1, () -> NOON, warnings::add, new DayCounts());
    String large = "x".repeat(12 << 20);
    for (int i = 0; i < 4; i++) {
      bytes.offer(folder, "teams", answer("shop", "a", large, "ho").json(), NOON, null);
    }
    assertThat(bytes.dropped()).isEqualTo(2);
  }

  @Test
  void feedbackOnAClosedServerIsSentAgain() {
    Capture capture = open();
    capture.answered(answer("shop", "a1", "hi", "ho"));
    capture.close();
    assertThatThrownBy(() -> capture.take("shop", rating("a1", 1)))
        .isInstanceOf(BusyException.class);
  }

  @Test
  void flagsOfCaptureNeedItsFolder() {
    CaptureSettings alone = Schema.of(CaptureSettings.class).of(Map.of("capture_days", 3));
    assertThatThrownBy(alone::checkFolder)
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--capture is missing beside other flags of capture; give it a folder, or leave them"
                + " out");
    assertThatThrownBy(() -> open("capture_days", 0)).hasMessageStartingWith("--capture-days");
    assertThatThrownBy(() -> open("capture", Path.of("/proc/none")))
        .hasMessageStartingWith("--capture /proc/none cannot be written: ");
  }
}
