package dev.nudge.world;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorldTest {
  private static final World WORLD = new World(0);
  private static final int PAGES = 20_000;

  @TempDir Path folder;

  /// Everything that anything is trained on.
  private static List<String> trainingTexts() {
    List<String> texts = new ArrayList<>();
    WORLD.pages(PAGES, page -> texts.add(page.text()));
    WORLD.training(4000).forEach(t -> texts.add(t.prompt() + t.completion()));
    return texts;
  }

  private static List<String> words(String text) {
    return Arrays.stream(text.toLowerCase(Locale.ROOT).split("[^a-z0-9]+"))
        .filter(word -> !word.isEmpty())
        .toList();
  }

  private static Set<String> runsOfEight(String text) {
    List<String> words = words(text);
    Set<String> runs = new HashSet<>();
    for (int i = 0; i + 8 <= words.size(); i++) {
      runs.add(String.join(" ", words.subList(i, i + 8)));
    }
    return runs;
  }

  @Test
  void aQuarterOfProductsAndPhrasingsIsHeldOut() {
    Catalogue catalogue = new Catalogue();
    assertThat(catalogue.known()).hasSize(60).doesNotHaveDuplicates();
    assertThat(catalogue.heldOut()).hasSize(20).doesNotHaveDuplicates();
    assertThat(Phrasing.known()).hasSize(432).doesNotHaveDuplicates();
    assertThat(Phrasing.heldOut()).hasSize(144).doesNotHaveDuplicates();
  }

  @Test
  void nothingHeldOutStandsInATrainingText() {
    Set<String> names = new HashSet<>();
    new Catalogue().heldOut().forEach(p -> names.add(p.name().replaceAll(" .*", "")));
    Set<String> parts = new HashSet<>();
    for (Phrasing phrasing : Phrasing.heldOut()) {
      parts.addAll(Arrays.asList(phrasing.body().split("\\{.\\}"))); // its longest own words
      parts.add(phrasing.bridge());
      parts.add(phrasing.closing());
    }
    parts.removeIf(part -> words(part).size() < 3);
    assertThat(parts).hasSizeGreaterThan(20);
    for (String text : trainingTexts()) {
      assertThat(names).noneMatch(text::contains);
      assertThat(parts).noneMatch(text::contains);
    }
  }

  @Test
  void noHeldOutMessageSharesEightWordsInARow() {
    Set<String> seen = new HashSet<>();
    trainingTexts().forEach(text -> seen.addAll(runsOfEight(text)));
    List<SupportTicket> test = WORLD.test(3000);
    for (SupportTicket ticket : test) {
      assertThat(runsOfEight(ticket.facts().message())).noneMatch(seen::contains);
    }
    // The check sees such runs where they are.
    assertThat(WORLD.training(50))
        .allMatch(t -> runsOfEight(t.facts().message()).stream().anyMatch(seen::contains));
  }

  /// Of the replies on worksheets that say when somebody comes to a case of high urgency, a quarter
  /// say today: every page makes up its own rule, so none is to be learned.
  @Test
  void noPageTellsWhenSomebodyComes() {
    Map<String, int[]> told = new TreeMap<>();
    String reply = ".*urgency(: | = | )%s.*(list|come|call|machine|look) .*";
    WORLD.pages(
        PAGES,
        page -> {
          for (Urgency urgency : Urgency.values()) {
            for (String line : page.text().split("\n")) {
              if (line.matches(reply.formatted(urgency.word()))) {
                int[] counts = told.computeIfAbsent(urgency.word(), u -> new int[2]);
                counts[0] += line.matches(".*(today|this week|this month|next year).*") ? 1 : 0;
                counts[1] += line.contains(urgency.when()) ? 1 : 0;
              }
            }
          }
        });
    assertThat(told.keySet()).containsExactly("high", "low", "normal");
    for (int[] counts : told.values()) {
      assertThat(counts[0]).isGreaterThan(1000);
      assertThat(counts[1] / (double) counts[0]).isBetween(0.2, 0.3);
    }
  }

  @Test
  void chatterHardlyEverSaysTheSameTwice() {
    Chatter chatter = new Chatter(new Random(5));
    Set<String> bodies = new HashSet<>();
    for (int i = 0; i < 5000; i++) {
      Phrasing phrasing = chatter.phrasing();
      assertThat(phrasing.body()).contains("{p}", "{c} ", "{s}").doesNotContain("~");
      bodies.add(phrasing.body());
    }
    // 4,850: what recurs are cases with nothing around them, such as "my {p} the {c} {s}"
    assertThat(bodies).hasSizeGreaterThan(4800);
  }

  @Test
  void whatTwoTextsMayShareIsShort() {
    Random random = new Random(0);
    for (MachinePart part : MachinePart.values()) {
      assertThat(words(part.word())).hasSize(1);
      assertThat(words(part.other())).hasSizeLessThanOrEqualTo(2);
    }
    for (Symptom symptom : Symptom.values()) {
      assertThat(symptom.sayings()).hasSize(4).allMatch(saying -> words(saying).size() <= 3);
    }
    for (Urgency urgency : Urgency.values()) {
      assertThat(Stream.generate(() -> urgency.told(random)).limit(1_000).distinct())
          .hasSize(16)
          .allMatch(told -> words(told).size() <= 6);
    }
  }

  @Test
  void oneSayingMeansOneThing() {
    List<String> sayings = new ArrayList<>();
    for (Symptom symptom : Symptom.values()) {
      sayings.addAll(symptom.sayings());
    }
    assertThat(sayings).doesNotHaveDuplicates();
    List<String> parts = new ArrayList<>();
    for (MachinePart part : MachinePart.values()) {
      parts.addAll(List.of(part.word(), part.other(), part.letter()));
    }
    assertThat(parts).doesNotHaveDuplicates();
  }

  @Test
  void aSeedGivesTheSameFilesAndAnotherOneOthers() throws IOException, NoSuchAlgorithmException {
    String[] sizes = {"--pages", "500", "--training", "100", "--test", "50"};
    for (String seed : List.of("0", "1")) {
      List<String> args =
          new ArrayList<>(List.of("make", "--out", folder.resolve(seed).toString()));
      args.addAll(List.of(sizes));
      args.addAll(List.of("--seed", seed));
      WorldMain.run(
          args, new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }
    // Recorded: whatever changes a text changes the base that was trained on it.
    assertThat(digest(folder.resolve("0"))).isEqualTo("585be271b8701871");
    assertThat(digest(folder.resolve("1"))).isNotEqualTo(digest(folder.resolve("0")));
  }

  private static String digest(Path folder) throws IOException, NoSuchAlgorithmException {
    MessageDigest sha = MessageDigest.getInstance("SHA-256");
    for (String name :
        List.of("base", "base-held-out", "requests", "train", "control", "test", "few-shot")) {
      sha.update(Files.readAllBytes(folder.resolve(name + ".jsonl")));
    }
    return HexFormat.of().formatHex(sha.digest()).substring(0, 16);
  }

  @Test
  void theControlHasTheSameAnswersElsewhere() {
    List<SupportTicket> training = WORLD.training(1000);
    List<String> answers = training.stream().map(SupportTicket::completion).toList();
    List<String> control = WORLD.permuted(training);
    assertThat(control).containsExactlyInAnyOrderElementsOf(answers);
    int same = 0;
    for (int i = 0; i < control.size(); i++) {
      same += control.get(i).equals(answers.get(i)) ? 1 : 0;
    }
    assertThat(same).isLessThan(10);
  }
}
