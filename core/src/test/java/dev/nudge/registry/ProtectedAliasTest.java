package dev.nudge.registry;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.eval.gate.Digests;
import dev.nudge.eval.gate.GateFiles;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.format.Json;
import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Move aliases that are protected.
class ProtectedAliasTest {
  private static final String POLICY = "sha256:" + "d".repeat(64);
  private static final Instant DAY = Instant.parse("2026-01-02T00:00:00Z");

  @TempDir Path temp;
  private Registry registry;
  private Version first;
  private Version second;

  @BeforeEach
  void open() {
    registry = Registry.open(temp.resolve("registry"));
    first =
        registry.push("support", MadeAdapters.known(temp.resolve("one"), 1), note("a")).version();
    second =
        registry.push("support", MadeAdapters.known(temp.resolve("two"), 2), note("b")).version();
    registry.alias("support", "champion", first, Alias.Expected.ANY, note("the first"));
  }

  private static Note note(@Nullable String why) {
    return Note.by("tester", why);
  }

  private Registry.Move move(Version to) {
    return registry.alias("support", "champion", to, Alias.Expected.ANY, note("moved"));
  }

  private String champion() {
    return registry.find(Reference.parse("support@champion")).shown();
  }

  /// Writes the verdict on a version as an evaluation writes it, and keeps it with another or the
  /// same.
  private void judged(Version with, Version of, Verdict verdict, String policy, int day)
      throws Exception {
    judged(with, of, verdict, policy, day, Map.of(), Map.of());
  }

  private void judged(
      Version with,
      Version of,
      Verdict verdict,
      String policy,
      int day,
      Map<String, String> tasks,
      Map<String, String> data)
      throws Exception {
    Map<String, String> files = Digests.adapter(of.folder());
    assertThat(files).hasSize(2);
    Digests digests =
        new Digests(MadeAdapters.BASE, files, "sha256:1", null, tasks, data, 0, Map.of(), policy);
    GateResult result =
        new GateResult(verdict, "p.yaml", List.of(), digests, DAY.plusSeconds(86_400L * day));
    Path file = temp.resolve("gate.json");
    Files.writeString(file, GateFiles.json(result));
    registry.report(
        new Reference(with.name(), new Reference.Number(with.number())), file, note("judged"));
  }

  private void refused(String words) {
    assertThatThrownBy(() -> move(second))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(words)
        .extracting(e -> ((RegistryException) e).reason())
        .isEqualTo(Reason.GATED);
    assertThat(champion()).isEqualTo("support:1");
  }

  @Test
  void onlyAFreshPassMovesIt() throws Exception {
    registry.protect("support", "champion", null, note("from now on"));
    refused(
        "support@champion is protected, and support:2 has no fresh PASS: no gate.json is kept with it; evaluate it by a policy and keep its gate.json (nudge adapters state support:2 validated --report), or give --override and --why");
    judged(second, second, Verdict.INCONCLUSIVE, POLICY, 0);
    refused("its verdict is INCONCLUSIVE");
    judged(second, first, Verdict.PASS, POLICY, 1);
    refused("another adapter_model.safetensors was judged");
    judged(second, second, Verdict.PASS, POLICY, 2);
    move(second);
    assertThat(champion()).isEqualTo("support:2");
  }

  @Test
  void theVerdictThatWasJudgedLastCounts() throws Exception {
    registry.protect("support", "champion", null, note("x"));
    judged(second, second, Verdict.FAIL, POLICY, 5);
    judged(second, second, Verdict.PASS, POLICY, 3);
    refused("its verdict is FAIL");
  }

  @Test
  void aVerdictOnOtherQuestionsThanTheOneBeforeDoesNotMoveIt() throws Exception {
    Map<String, String> tasks = Map.of("quiz", "sha256:q", "prose", "sha256:p");
    Map<String, String> data = Map.of("quiz", "sha256:1", "prose", "sha256:2");
    judged(first, first, Verdict.PASS, POLICY, 0, tasks, data);
    registry.protect("support", "champion", null, note("x"));
    judged(second, second, Verdict.PASS, POLICY, 1, Map.of("quiz", "sha256:q"), data);
    refused("prose was not asked, as it was for support:1");
    Map<String, String> other = Map.of("quiz", "sha256:o", "prose", "sha256:p");
    judged(second, second, Verdict.PASS, POLICY, 2, other, data);
    refused("the task file of quiz is another than for support:1");
    Map<String, String> rows = Map.of("quiz", "sha256:1", "prose", "sha256:3");
    judged(second, second, Verdict.PASS, POLICY, 3, tasks, rows);
    refused("the documents of prose are others than for support:1");
    registry.alias("support", "champion", second, Alias.Expected.ANY, true, note("a new test set"));
    assertThat(((Event.Moved) registry.log("support").getLast()).overridden())
        .containsExactly("the documents of prose are others than for support:1");
    registry.rollback("support", "champion", Alias.Expected.ANY, note("back"));
    Map<String, String> more = Map.of("quiz", "sha256:q", "prose", "sha256:p", "new", "sha256:n");
    Map<String, String> moreRows =
        Map.of("quiz", "sha256:1", "prose", "sha256:2", "new", "sha256:4");
    judged(second, second, Verdict.PASS, POLICY, 4, more, moreRows);
    move(second);
    assertThat(champion()).isEqualTo("support:2");
  }

  @Test
  void aPolicyThatIsNamedHasToBeTheGates() throws Exception {
    registry.protect("support", "champion", POLICY, note("x"));
    judged(second, second, Verdict.PASS, "sha256:" + "e".repeat(64), 0);
    refused("no gate.json of the policy " + POLICY + " is kept with it");
    judged(second, second, Verdict.PASS, POLICY, 1);
    judged(second, second, Verdict.FAIL, "sha256:" + "e".repeat(64), 2); // of another policy
    move(second);
    assertThat(champion()).isEqualTo("support:2");
  }

  @Test
  void anOverrideNeedsAReasonAndIsLogged() {
    registry.protect("support", "champion", null, note("x"));
    assertThatThrownBy(
            () ->
                registry.alias("support", "champion", second, Alias.Expected.ANY, true, note(" ")))
        .isInstanceOf(InputException.class)
        .hasMessage("an override of a protected alias needs a reason; give --why");
    registry.alias(
        "support", "champion", second, Alias.Expected.ANY, true, note("the first leaks"));
    assertThat(champion()).isEqualTo("support:2");
    Event.Moved moved = (Event.Moved) Registry.open(registry.folder()).log("support").getLast();
    assertThat(moved.note().why()).isEqualTo("the first leaks");
    assertThat(moved.overridden()).containsExactly("no gate.json is kept with it");
  }

  @Test
  void aRollbackNeedsNoGateAndARemovalAnOverride() throws Exception {
    registry.protect("support", "champion", null, note("x"));
    judged(second, second, Verdict.PASS, POLICY, 0);
    move(second);
    registry.rollback("support", "champion", Alias.Expected.ANY, note("it harms"));
    assertThat(champion()).isEqualTo("support:1");
    assertThatThrownBy(
            () -> registry.alias("support", "champion", null, Alias.Expected.ANY, note("away")))
        .hasMessage("support@champion is protected; to take it away give --override and --why");
    registry.alias("support", "champion", null, Alias.Expected.ANY, true, note("away"));
    assertThat(registry.adapter("support").aliases()).isEmpty();
  }

  @Test
  void otherAliasesMoveAsBefore() {
    registry.protect("support", "champion", null, note("x"));
    registry.alias("support", "candidate", second, Alias.Expected.ANY, note("try"));
    assertThat(registry.find(Reference.parse("support@candidate")).number()).isEqualTo(2);
    Event.Moved moved = (Event.Moved) registry.log("support").getLast();
    assertThat(moved.values()).doesNotContainKey("overridden");
  }

  @Test
  void aProtectionGoesWithAReasonOnly() {
    registry.protect("support", "champion", POLICY, note("x"));
    assertThat(requireNonNull(registry.protection("support", "champion")).policy())
        .isEqualTo(POLICY);
    assertThatThrownBy(() -> registry.unprotect("support", "champion", note(null)))
        .hasMessage("taking the protection of an alias away needs a reason; give --why");
    registry.unprotect("support", "champion", note("no policy yet"));
    assertThat(registry.protection("support", "champion")).isNull();
    move(second);
    assertThat(registry.log("support"))
        .extracting(Event::word)
        .containsSubsequence("protect", "unprotect", "alias");
    assertThatThrownBy(() -> registry.protect("suport", "champion", null, note("x")))
        .hasMessageContaining("there is no adapter 'suport'");
  }

  @Test
  void aProtectionIsReadAgainFromTheJournalAndFromItsIndex() {
    registry.protect("support", "champion", POLICY, note("from\tnow \"on\""));
    Registry again = Registry.open(registry.folder());
    assertThat(again.protection("support", "champion"))
        .isEqualTo(registry.protection("support", "champion"));
    for (int i = 0; i < 400; i++) { // until an index is worth it
      again.alias(
          "support",
          "other",
          i % 2 == 0 ? first : second,
          Alias.Expected.ANY,
          note("w".repeat(99)));
    }
    assertThat(registry.folder().resolve(BookFile.FILE)).exists();
    assertThat(Registry.open(registry.folder()).protection("support", "champion"))
        .isEqualTo(registry.protection("support", "champion"));
    Journal journal = new Journal(registry.folder());
    Book book = requireNonNull(BookFile.read(registry.folder(), journal, folder -> temp)).book();
    assertThat(requireNonNull(book.protection("support", "champion")).note().why())
        .isEqualTo("from\tnow \"on\"");
  }

  @Test
  void aCheckIsAFunctionOfDigestsAndVerdictAlone() {
    Map<String, String> files =
        Map.of("adapter_config.json", "sha256:1", "adapter_model.safetensors", "sha256:2");
    String gate =
        """
        {"nudge_gate": 1, "verdict": "pass", "digests": {"base": "b", "policy": "p",
         "adapter": {"adapter_config.json": "sha256:1", "adapter_model.safetensors": "sha256:2"}}}
        """;
    assertThat(GateCheck.against(files, List.of("a", "b"), Json.parse(gate), "p")).isEmpty();
    assertThat(GateCheck.against(files, List.of(), Json.parse(gate), null)).isEmpty();
    assertThat(GateCheck.against(files, List.of("c"), Json.parse(gate), "q"))
        .containsExactly("another base was judged", "another policy was judged");
    assertThat(GateCheck.against(Map.of(), List.of(), Json.parse(gate), null)).hasSize(2);
    String none = gate.replace("\"adapter\"", "\"adapters\"");
    assertThat(GateCheck.against(files, List.of(), Json.parse(none), null)).hasSize(2);
    assertThat(GateCheck.against(Map.of(), List.of(), Json.parse(none), null)).hasSize(2);
    assertThat(GateCheck.against(files, List.of(), Json.parse("[]"), null))
        .containsExactly("its gate.json is no verdict that this nudge reads");
    assertThat(
            GateCheck.against(files, List.of(), Json.parse(gate.replace("pass", "PASSED")), null))
        .containsExactly("its verdict is none");
  }
}
