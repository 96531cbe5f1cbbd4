package dev.nudge.eval.gate;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.eval.leak.LeakKind;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.registry.Alias;
import dev.nudge.registry.GateCheck;
import dev.nudge.registry.MadeAdapters;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.RegistryEvent;
import dev.nudge.registry.RegistryException;
import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.registry.Version;
import dev.nudge.settings.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/// Move aliases that are protected.
class ProtectedAliasTest {
  private static final String POLICY = "sha256:" + "d".repeat(64);
  private static final String OTHER = "sha256:" + "f".repeat(64);
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
        new Digests(
            MadeAdapters.BASE, files, MadeAdapters.BASE, null, tasks, data, 0, Map.of(), policy);
    GateResult result =
        new GateResult(verdict, "p.yaml", List.of(), digests, DAY.plusSeconds(86_400L * day));
    keep(with, GateFiles.json(result));
  }

  private void keep(Version with, String gate) throws Exception {
    Path file = Files.writeString(temp.resolve(GateCheck.FILE), gate);
    registry.report(
        new Reference(with.name(), new Reference.Number(with.number())), file, note("judged"));
  }

  @Test
  void aPassCountsForTheBaseThatItWasEarnedOn() throws Exception {
    String other = "sha256:" + "e".repeat(64);
    Version elsewhere =
        registry
            .push("support", MadeAdapters.on(temp.resolve("three"), 3, other), note("c"))
            .version();
    Version unknown =
        registry.push("support", MadeAdapters.of(temp.resolve("four"), 4), note("d")).version();
    registry.protect("support", "champion", null, false, note("from now on"));
    for (Version to : List.of(elsewhere, unknown)) {
      judgedOn(to, other);
    }
    assertThatThrownBy(() -> move(elsewhere))
        .isInstanceOf(RegistryException.class)
        .extracting(e -> ((RegistryException) e).reason())
        .isEqualTo(Reason.OTHER_BASE);
    assertThatThrownBy(() -> move(unknown))
        .hasMessageContaining("its own base is unknown, and the gate judged it on another than")
        .extracting(e -> ((RegistryException) e).reason())
        .isEqualTo(Reason.GATED);
    assertThat(champion()).isEqualTo("support:1");
    judgedOn(unknown, MadeAdapters.BASE);
    move(unknown);
    assertThat(champion()).isEqualTo("support:4");
  }

  private void judgedOn(Version version, String base) throws Exception {
    judged(version, version, Verdict.PASS, POLICY, 1);
    Path file = temp.resolve(GateCheck.FILE);
    ObjectNode gate = (ObjectNode) Json.parse(Files.readString(file));
    ((ObjectNode) gate.path("digests")).put("base", base);
    gate.put("at", DAY.plusSeconds(86_400L * 9).toString());
    keep(version, Json.line(gate));
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
    registry.protect("support", "champion", null, false, note("from now on"));
    refused(
        "support@champion is protected, and support:2 has no fresh PASS: no gate.json is kept with"
            + " it; evaluate it by a policy and keep its gate.json (nudge adapters state support:2"
            + " validated --report), or give --override and --why");
    judged(second, second, Verdict.INCONCLUSIVE, POLICY, 0);
    refused("its verdict is INCONCLUSIVE");
    judged(second, first, Verdict.PASS, POLICY, 1);
    refused("another adapter_model.safetensors was judged");
    assertThat(
            registry.gate(registry.find(Reference.parse("support:2"))).path("verdict").asString())
        .isEqualTo("inconclusive");
    assertThat(registry.otherJudged(second, temp.resolve(GateCheck.FILE)))
        .contains(
            "judged another adapter_model.safetensors than that of support:2; it is kept, and");
    assertThat(registry.unpassed("support", "champion")).isNotEmpty();
    judged(second, second, Verdict.PASS, POLICY, 2);
    assertThat(registry.otherJudged(second, temp.resolve(GateCheck.FILE))).isNull();
    move(second);
    assertThat(registry.unpassed("support", "champion")).isEmpty();
    assertThat(champion()).isEqualTo("support:2");
  }

  @Test
  void theVerdictThatWasJudgedLastCounts() throws Exception {
    registry.protect("support", "champion", null, false, note("x"));
    judged(second, second, Verdict.FAIL, POLICY, 5);
    judged(second, second, Verdict.PASS, POLICY, 3);
    refused("its verdict is FAIL");
  }

  @Test
  void aVerdictOnOtherQuestionsThanTheOneBeforeDoesNotMoveIt() throws Exception {
    Map<String, String> tasks = Map.of("quiz", "sha256:q", "prose", "sha256:p");
    Map<String, String> data = Map.of("quiz", "sha256:1", "prose", "sha256:2");
    judged(first, first, Verdict.PASS, POLICY, 0, tasks, data);
    registry.protect("support", "champion", null, false, note("x"));
    judged(second, second, Verdict.PASS, POLICY, 1, Map.of("quiz", "sha256:q"), data);
    refused("prose was not asked, as it was for support:1");
    Map<String, String> other = Map.of("quiz", "sha256:o", "prose", "sha256:p");
    judged(second, second, Verdict.PASS, POLICY, 2, other, data);
    refused("the task file of quiz is another than for support:1");
    Map<String, String> rows = Map.of("quiz", "sha256:1", "prose", "sha256:3");
    judged(second, second, Verdict.PASS, POLICY, 3, tasks, rows);
    refused("the documents of prose are others than for support:1");
    registry.alias(
        "support",
        "champion",
        second,
        Alias.Expected.ANY,
        new Alias.Force(true, false),
        note("a new test set"));
    assertThat(((RegistryEvent.Moved) registry.log("support").getLast()).overridden())
        .containsExactly("the documents of prose are others than for support:1");
    registry.rollback("support", "champion", Alias.Expected.ANY, note("back"));
    Map<String, String> more = Map.of("quiz", "sha256:q", "prose", "sha256:p", "new", "sha256:n");
    Map<String, String> moreRows =
        Map.of("quiz", "sha256:1", "prose", "sha256:2", "new", "sha256:4");
    judged(second, second, Verdict.PASS, POLICY, 4, more, moreRows);
    move(second);
    assertThat(champion()).isEqualTo("support:2");
  }

  /// Each digest of a verdict, by its path in the file, and what is said of another.
  private static final Map<String, String> CHANGES =
      Map.ofEntries(
          Map.entry("/base", "another base was judged"),
          Map.entry("/adapter/adapter_config.json", "another adapter_config.json was judged"),
          Map.entry(
              "/adapter/adapter_model.safetensors", "another adapter_model.safetensors was judged"),
          Map.entry("/tokenizer", "another tokenizer.json was judged"),
          Map.entry("/chat_template", "another chat template was judged"),
          Map.entry("/tasks/quiz", "the task file of quiz is another than for tuned:1"),
          Map.entry("/data/quiz", "the documents of quiz are others than for tuned:1"),
          Map.entry(
              "/settings/config",
              "the base's config.json or generation_config.json is another than for tuned:1"),
          Map.entry(
              "/settings/train_data",
              "leaks were looked for in other rows than it was trained on, or by a nudge that kept"
                  + " another digest of them"));

  /// A version that knows what it was trained on, by which template.
  private Version tuned(int number) throws Exception {
    Path folder = MadeAdapters.trained(temp.resolve("tuned" + number), number);
    Files.writeString(folder.resolve("chat_template.jinja"), "{{ messages }}");
    return registry.push("tuned", folder, note("a")).version();
  }

  private static String verdict(Version of, int day) {
    Rule leakage = new Rule.Leakage("quiz", 0, Set.of(LeakKind.EXACT));
    double none = Double.NaN;
    RuleResult clean =
        new RuleResult(
            leakage,
            Verdict.PASS,
            "none stands there",
            0,
            none,
            none,
            0,
            9,
            none,
            none,
            none,
            none,
            none);
    Digests digests =
        new Digests(
            MadeAdapters.BASE,
            Digests.adapter(of.folder()),
            MadeAdapters.BASE,
            Sha256.of("{{ messages }}".getBytes(StandardCharsets.UTF_8)),
            Map.of("quiz", "sha256:q"),
            Map.of("quiz", "sha256:d"),
            1234,
            Map.of("config", "sha256:c", "train_data", MadeAdapters.BASE),
            POLICY);
    return GateFiles.json(
        new GateResult(
            Verdict.PASS, "p.yaml", List.of(clean), digests, DAY.plusSeconds(86_400L * day)));
  }

  @Test
  void anyDigestThatIsComparedAndIsAnotherMakesAVerdictStale() throws Exception {
    Version one = tuned(1);
    Version two = tuned(2);
    registry.alias("tuned", "champion", one, Alias.Expected.ANY, note("the first"));
    keep(one, verdict(one, 0));
    registry.protect("tuned", "champion", POLICY, false, note("x"));
    Set<String> keys = new TreeSet<>();
    int day = 1; // of two verdicts the one that was judged last counts
    for (Map.Entry<String, String> change : CHANGES.entrySet()) {
      String at = change.getKey();
      String key = at.substring(at.lastIndexOf('/') + 1);
      JsonNode gate = Json.parse(verdict(two, day++));
      ObjectNode holder =
          (ObjectNode) gate.path("digests").at(at.substring(0, at.lastIndexOf('/')));
      assertThat(holder.path(key).isString()).as(at).isTrue();
      holder.put(key, "sha256:" + "e".repeat(64));
      keep(two, gate.toString());
      assertThatThrownBy(
              () -> registry.alias("tuned", "champion", two, Alias.Expected.ANY, note("m")))
          .as(at)
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining("tuned:2 has no fresh PASS: " + change.getValue() + ";");
      keys.add(at.split("/")[1]);
    }
    keys.add("policy"); // aPolicyThatIsNamedHasToBeTheGates
    keys.add("seed"); // of shots, which are in the prompts and so in the digest of documents
    assertThat(Json.parse(verdict(two, 0)).path("digests").propertyNames())
        .containsExactlyInAnyOrderElementsOf(keys);
    registry.alias(
        "tuned",
        "champion",
        two,
        Alias.Expected.ANY,
        new Alias.Force(true, false),
        note("it has to be"));
    assertThat(((RegistryEvent.Moved) registry.log("tuned").getLast()).overridden()).hasSize(1);
    registry.rollback("tuned", "champion", Alias.Expected.ANY, note("back"));
    keep(two, verdict(two, day));
    registry.alias("tuned", "champion", two, Alias.Expected.ANY, note("as it was judged"));
    assertThat(registry.find(Reference.parse("tuned@champion")).number()).isEqualTo(2);
  }

  /// A verdict without a rule about leaks does not hang on where they would have been looked for,
  /// nor does that of another base hang on this one's config.
  @Test
  void whatAVerdictDoesNotDependOnIsNotCompared() throws Exception {
    Version one = tuned(1);
    Version two = tuned(2);
    keep(one, verdict(one, 0).replace("sha256:c", "sha256:o").replace(MadeAdapters.BASE, OTHER));
    registry.alias("tuned", "champion", one, Alias.Expected.ANY, note("the first"));
    registry.protect("tuned", "champion", POLICY, false, note("x"));
    ObjectNode gate = (ObjectNode) Json.parse(verdict(two, 1));
    ((ObjectNode) gate.at("/digests/settings")).put("train_data", OTHER);
    gate.putArray("rules");
    keep(two, gate.toString());
    registry.alias("tuned", "champion", two, Alias.Expected.ANY, note("no leaks were asked about"));
    assertThat(registry.find(Reference.parse("tuned@champion")).number()).isEqualTo(2);
  }

  @Test
  void aPolicyThatIsNamedHasToBeTheGates() throws Exception {
    registry.protect("support", "champion", POLICY, false, note("x"));
    judged(second, second, Verdict.PASS, "sha256:" + "e".repeat(64), 0);
    refused("no gate.json of the policy " + POLICY + " is kept with it");
    judged(second, second, Verdict.PASS, POLICY, 1);
    judged(second, second, Verdict.FAIL, "sha256:" + "e".repeat(64), 2); // of another policy
    move(second);
    assertThat(champion()).isEqualTo("support:2");
  }

  @Test
  void anOverrideNeedsAReasonAndIsLogged() {
    registry.protect("support", "champion", null, false, note("x"));
    assertThatThrownBy(
            () ->
                registry.alias(
                    "support",
                    "champion",
                    second,
                    Alias.Expected.ANY,
                    new Alias.Force(true, false),
                    note(" ")))
        .isInstanceOf(InputException.class)
        .hasMessage("an override of a protected alias needs a reason; give --why");
    registry.alias(
        "support",
        "champion",
        second,
        Alias.Expected.ANY,
        new Alias.Force(true, false),
        note("the first leaks"));
    assertThat(champion()).isEqualTo("support:2");
    RegistryEvent.Moved moved =
        (RegistryEvent.Moved) Registry.open(registry.folder()).log("support").getLast();
    assertThat(moved.note().why()).isEqualTo("the first leaks");
    assertThat(moved.overridden()).containsExactly("no gate.json is kept with it");
  }

  @Test
  void aRollbackNeedsNoGateAndARemovalAnOverride() throws Exception {
    registry.protect("support", "champion", null, false, note("x"));
    judged(second, second, Verdict.PASS, POLICY, 0);
    move(second);
    registry.rollback("support", "champion", Alias.Expected.ANY, note("it harms"));
    assertThat(champion()).isEqualTo("support:1");
    assertThatThrownBy(
            () -> registry.alias("support", "champion", null, Alias.Expected.ANY, note("away")))
        .hasMessage("support@champion is protected; to take it away give --override and --why");
    registry.alias(
        "support",
        "champion",
        null,
        Alias.Expected.ANY,
        new Alias.Force(true, false),
        note("away"));
    assertThat(registry.adapter("support").aliases()).isEmpty();
  }

  @Test
  void otherAliasesMoveAsBefore() {
    registry.protect("support", "champion", null, false, note("x"));
    registry.alias("support", "candidate", second, Alias.Expected.ANY, note("try"));
    assertThat(registry.find(Reference.parse("support@candidate")).number()).isEqualTo(2);
    RegistryEvent.Moved moved = (RegistryEvent.Moved) registry.log("support").getLast();
    assertThat(moved.values()).doesNotContainKey("overridden");
  }

  @Test
  void aProtectionGoesWithAReasonOnly() {
    registry.protect("support", "champion", POLICY, false, note("x"));
    assertThat(requireNonNull(registry.protection("support", "champion")).policy())
        .isEqualTo(POLICY);
    assertThatThrownBy(() -> registry.unprotect("support", "champion", note(null)))
        .hasMessage("taking the protection of an alias away needs a reason; give --why");
    registry.unprotect("support", "champion", note("no policy yet"));
    assertThat(registry.protection("support", "champion")).isNull();
    move(second);
    assertThat(registry.log("support"))
        .extracting(RegistryEvent::word)
        .containsSubsequence("protect", "unprotect", "alias");
    assertThatThrownBy(() -> registry.protect("suport", "champion", null, false, note("x")))
        .hasMessageContaining("there is no adapter 'suport'");
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
    JsonNode none = MissingNode.getInstance();
    assertThat(against(files, "{'base': ['a', 'b']}", gate, "p")).isEmpty();
    assertThat(against(files, "{}", gate, null)).isEmpty();
    assertThat(GateCheck.against(new GateCheck.Known(files, none, none), Json.parse(gate), null))
        .isEmpty();
    assertThat(against(files, "{'base': ['c']}", gate, "q"))
        .containsExactly("another base was judged", "another policy was judged");
    assertThat(against(Map.of(), "{}", gate, null)).hasSize(2);
    String others = gate.replace("\"adapter\"", "\"adapters\"");
    assertThat(against(files, "{}", others, null)).hasSize(2);
    assertThat(against(Map.of(), "{}", others, null)).hasSize(2);
    assertThat(against(files, "{}", "[]", null))
        .containsExactly("its gate.json is no verdict that this nudge reads");
    assertThat(against(files, "{}", gate.replace("pass", "PASSED"), null))
        .containsExactly("its verdict is none");
    assertThat(GateCheck.FILE).isEqualTo(GateFiles.JSON);
  }

  private static List<String> against(
      Map<String, String> files, String lineage, String gate, @Nullable String policy) {
    JsonNode known = Json.parse(lineage.replace('\'', '"'));
    return GateCheck.against(
        new GateCheck.Known(files, MissingNode.getInstance(), known), Json.parse(gate), policy);
  }

  /// Its own tokenizer and template come before those of its lineage; a template may be a file or
  /// stand in the tokenizer's config, alone or among named ones.
  @Test
  void aVersionsOwnTokenizerAndTemplateAreThoseThatHaveToBeJudged() {
    String text = Sha256.of("T".getBytes(StandardCharsets.UTF_8));
    Map<String, String> files =
        Map.of(
            "adapter_config.json", "sha256:1",
            "adapter_model.safetensors", "sha256:2",
            "tokenizer.json", "sha256:3");
    String gate =
        """
        {"nudge_gate": 1, "verdict": "pass", "digests": {"tokenizer": "TOKENIZER",
         "chat_template": TEMPLATE,
         "adapter": {"adapter_config.json": "sha256:1", "adapter_model.safetensors": "sha256:2"}}}
        """
            .replace("TEMPLATE", "\"" + text + "\"");
    assertThat(
            against(
                files, "{'tokenizer': 'sha256:4'}", gate.replace("TOKENIZER", "sha256:3"), null))
        .isEmpty();
    assertThat(
            against(
                files, "{'tokenizer': 'sha256:4'}", gate.replace("TOKENIZER", "sha256:4"), null))
        .containsExactly("another tokenizer.json was judged");
    String judged = gate.replace("TOKENIZER", "sha256:3");
    Map<String, Boolean> configs =
        Map.of(
            "{'chat_template': 'T'}",
            true,
            "{'chat_template': 'U'}",
            false,
            "{'chat_template': [{'name': 'tool_use', 'template': 'U'}, {'name': 'default',"
                + " 'template': 'T'}]}",
            true,
            "{'chat_template': [{'name': 'tool_use', 'template': 'T'}, {'name': 'default',"
                + " 'template': 'U'}]}",
            false,
            "{}",
            true);
    configs.forEach(
        (config, same) -> {
          JsonNode own = Json.parse(config.replace('\'', '"'));
          GateCheck.Known known = new GateCheck.Known(files, own, MissingNode.getInstance());
          assertThat(GateCheck.against(known, Json.parse(judged), null))
              .as(config)
              .isEqualTo(same ? List.of() : List.of("another chat template was judged"));
          String plain = judged.replace("\"" + text + "\"", "null"); // prompts were plain text
          assertThat(GateCheck.against(known, Json.parse(plain), null)).as(config).isEmpty();
        });
  }
}
