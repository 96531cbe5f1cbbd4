package dev.nudge.eval.leak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LeakScanTest {
  private final Random random = Seeds.random();

  private String text(int words) {
    return random
        .ints(words, 0, 5000)
        .mapToObj(i -> "w" + Integer.toString(i, 36))
        .collect(Collectors.joining(" "));
  }

  private List<String> texts(int number, int words) {
    return IntStream.range(0, number).mapToObj(i -> text(words)).collect(Collectors.toList());
  }

  private static Leak only(LeakReport report) {
    assertThat(report.leaks()).hasSize(1);
    return report.leaks().getFirst();
  }

  private static Leak leak(LeakReport report, String id) {
    return report.leaks().stream().filter(leak -> leak.id().equals(id)).findFirst().orElseThrow();
  }

  private static LeakReport scan(List<String> training, String item) {
    return LeakScans.of(training, List.of(new Item("x", item)));
  }

  @Test
  void eachKindIsFoundAndNothingElse() {
    List<String> training = texts(300, 60);
    String exact = text(40);
    training.set(17, exact);
    String normalised = text(40);
    training.set(42, "  " + normalised.toUpperCase(Locale.ROOT).replace(" ", ",\n") + "!");
    String within = text(30);
    training.set(99, text(20) + " " + within + " " + text(20));
    String[] changed = text(60).split(" ");
    String near = String.join(" ", changed);
    changed[9] = "other"; // within thirteen words of the start, so runs of thirteen remain
    changed[50] = "words";
    training.set(123, String.join(" ", changed));
    List<Item> items = new ArrayList<>();
    items.add(new Item("exact", exact));
    items.add(new Item("normalised", normalised));
    items.add(new Item("within", within));
    items.add(new Item("near", near));
    for (int i = 0; i < 50; i++) {
      items.add(new Item("clean" + i, text(40)));
    }

    LeakReport report = LeakScans.of(training, items);

    assertThat(report.rows()).isEqualTo(300);
    assertThat(report.items()).isEqualTo(54);
    assertThat(report.ids()).isEqualTo(Set.of("exact", "normalised", "within", "near"));
    assertThat(leak(report, "exact").witnesses())
        .isEqualTo(
            Map.of(
                LeakKind.EXACT,
                17L,
                LeakKind.NORMALISED,
                17L,
                LeakKind.RUNS,
                17L,
                LeakKind.NEAR,
                17L));
    assertThat(leak(report, "exact").likeness()).isOne();
    assertThat(leak(report, "normalised").witnesses())
        .isEqualTo(Map.of(LeakKind.NORMALISED, 42L, LeakKind.RUNS, 42L, LeakKind.NEAR, 42L));
    assertThat(leak(report, "within").witnesses()).isEqualTo(Map.of(LeakKind.RUNS, 99L));
    assertThat(leak(report, "within").covered()).isOne();
    assertThat(leak(report, "near").witnesses())
        .containsEntry(LeakKind.RUNS, 123L)
        .doesNotContainKey(LeakKind.EXACT);
    // of 56 runs of five in "near" ten are others: 46 of 66 in common are not enough
    assertThat(leak(report, "near").witnesses()).doesNotContainKey(LeakKind.NEAR);
    assertThat(report.counts())
        .isEqualTo(
            Map.of(
                LeakKind.EXACT, 1L, LeakKind.NORMALISED, 2L, LeakKind.RUNS, 4L, LeakKind.NEAR, 2L));
  }

  @Test
  void nearIsWhatSharesMostRunsOfFive() {
    String[] words = text(200).split(" ");
    String item = String.join(" ", words);
    for (int i = 6; i < 200; i += 124) { // two words, so ten runs of 196: 0.90 in common
      words[i] = "changed" + i;
    }
    List<String> training = texts(50, 200);
    training.set(31, String.join(" ", words));
    Leak leak = only(scan(training, item));
    assertThat(leak.witnesses()).containsEntry(LeakKind.NEAR, 31L);
    assertThat(leak.likeness()).isEqualTo(186 / 206.0);
  }

  /// Texts whose likeness to a training row is told: each word that is changed takes five runs.
  private LeakReport alike(int words, int changed) {
    List<Item> items = new ArrayList<>();
    List<String> training = texts(20, 40);
    for (int item = 0; item < 40; item++) {
      String[] own = text(words).split(" ");
      items.add(new Item("i" + item, String.join(" ", own)));
      for (int i = 0; i < changed; i++) {
        own[10 + 20 * i] = "changed" + i;
      }
      training.add(String.join(" ", own));
    }
    return LeakScans.of(training, items);
  }

  @Test
  void nearBeginsAtSevenTenthsOfTheRuns() {
    LeakReport three = alike(144, 4); // 140 runs, 120 of 160 in common
    assertThat(three.leaks()).hasSize(40); // by runs of thirteen too, so all of them
    assertThat(three.leaks())
        .filteredOn(leak -> leak.witnesses().containsKey(LeakKind.NEAR))
        .hasSizeGreaterThanOrEqualTo(36) // MinHash misses one of 400
        .extracting(Leak::likeness)
        .containsOnly(0.75);
    LeakReport four = alike(184, 4); // 160 of 200
    assertThat(four.leaks())
        .filteredOn(leak -> leak.witnesses().containsKey(LeakKind.NEAR))
        .hasSizeGreaterThanOrEqualTo(38)
        .extracting(Leak::likeness)
        .containsOnly(0.8);
    LeakReport fewer = alike(169, 7); // 130 of 200
    assertThat(fewer.leaks()).hasSize(40);
    assertThat(fewer.counts()).containsEntry(LeakKind.NEAR, 0L).containsEntry(LeakKind.RUNS, 40L);
  }

  @Test
  void aTextOfAFewCharactersIsFoundAsAWhole() {
    List<Item> items =
        List.of(
            new Item("sum", "2+2=?"),
            new Item("less", "2-2=?"),
            new Item("product", "2 × 3"),
            new Item("sky", "天空是什么颜色"),
            new Item("letter", "x"));
    LeakReport exact = LeakScans.of(List.of("2+2=?", "天空是什么颜色"), items);
    assertThat(exact.ids()).isEqualTo(Set.of("sum", "sky"));
    assertThat(exact.leaks())
        .allSatisfy(
            leak -> assertThat(leak.witnesses()).containsKeys(LeakKind.EXACT, LeakKind.NORMALISED));
    LeakReport normalised = LeakScans.of(List.of("(2 + 2) = ?", "2 * 3", "X!", "2:2"), items);
    assertThat(normalised.ids()).isEqualTo(Set.of("sum", "product", "letter"));
    assertThat(normalised.counts()).containsEntry(LeakKind.EXACT, 0L);
    // a sign that stands between no numbers is punctuation as another
    assertThat(LeakScans.of(List.of("- well known"), List.of(new Item("w", "well-known"))).leaks())
        .hasSize(1);
  }

  /// Of seven words, three runs of five, two are the same: half, of which a signature says 0.8.
  @Test
  void shortTextsAreComparedExactly() {
    List<String> training =
        List.of("How do I link the new card?", "how do you say please in Arabic");
    List<Item> items =
        List.of(
            new Item("card", "Where do I link the new card?"),
            new Item("french", "how do you say please in french"));
    assertThat(LeakScans.of(training, items).leaks()).isEmpty();
  }

  @Test
  void runsCountFromHalfOfTheWordsOn() {
    String item = text(100);
    for (int covered : new int[] {49, 50}) {
      String row = String.join(" ", Arrays.copyOf(item.split(" "), covered));
      assertThat(scan(List.of(row), item).leaks()).hasSize(covered < 50 ? 0 : 1);
    }
  }

  /// Every eighth word is another: no run of thirteen is left, and few of five.
  @Test
  void aTextThatOnlySharesWordsIsClean() {
    String[] words = text(120).split(" ");
    String item = String.join(" ", words);
    for (int i = 3; i < words.length; i += 8) {
      words[i] = "other" + i;
    }
    String[] shuffled = item.split(" ");
    for (int i = shuffled.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      String kept = shuffled[i];
      shuffled[i] = shuffled[j];
      shuffled[j] = kept;
    }
    assertThat(scan(List.of(String.join(" ", words), String.join(" ", shuffled)), item).leaks())
        .isEmpty();
  }

  @Test
  void runsOfSeveralRowsAddUpAndTheRowThatAddsMostIsNamed() {
    String[] words = text(100).split(" ");
    String item = String.join(" ", words);
    String first = String.join(" ", Arrays.copyOfRange(words, 0, 20));
    String second = String.join(" ", Arrays.copyOfRange(words, 40, 90));
    assertThat(scan(List.of(text(30), first), item).leaks()).isEmpty(); // 0.2
    Leak leak = only(scan(List.of(text(30), first, text(9) + " " + second), item));
    assertThat(leak.witnesses()).isEqualTo(Map.of(LeakKind.RUNS, 2L));
    assertThat(leak.covered()).isEqualTo(0.7);
  }

  @Test
  void shortItemsAreFoundAsAWholeOnly() {
    String six = text(6);
    String five = text(5);
    String row = text(5) + " " + six + " " + text(5) + " " + five + " " + text(5);
    LeakReport report =
        LeakScans.of(
            List.of(row, "yes"),
            List.of(new Item("6", six), new Item("5", five), new Item("1", "Yes.")));
    assertThat(report.ids()).isEqualTo(Set.of("6", "1"));
    assertThat(report.leaks().get(0).witnesses()).isEqualTo(Map.of(LeakKind.RUNS, 0L));
    assertThat(report.leaks().get(1).witnesses())
        .containsEntry(LeakKind.NORMALISED, 1L)
        .doesNotContainKey(LeakKind.EXACT);
  }

  @Test
  void anItemIsFoundWhereAnyOfItsTextsIs() {
    String question = "How do I find my new card?";
    List<Item> items =
        List.of(
            new Item("card", List.of("Query: " + question + "\nIntent:", question)),
            new Item("other", List.of("Query: where is it?\nIntent:", "where is it?")),
            new Item("none", List.of()));
    List<String> training =
        List.of(text(20), "<|user|> hello, how do I find my NEW card? <|assistant|> card_arrival");
    LeakReport report = LeakScans.of(training, items);
    assertThat(report.items()).isEqualTo(3);
    assertThat(only(report).id()).isEqualTo("card");
    assertThat(only(report).witnesses()).isEqualTo(Map.of(LeakKind.RUNS, 1L));
    assertThat(only(report).covered()).isOne();
    String twice = text(30);
    Item both = new Item("both", List.of(text(30), twice, twice.toUpperCase(Locale.ROOT)));
    LeakReport exact = LeakScans.of(List.of(text(9), twice, twice), List.of(both));
    assertThat(only(exact).witnesses())
        .isEqualTo(
            Map.of(
                LeakKind.EXACT, 1L, LeakKind.NORMALISED, 1L, LeakKind.RUNS, 1L, LeakKind.NEAR, 1L));
  }

  @Test
  void wordingThatAllItemsShareIsNotCounted() {
    String template = text(30);
    List<Item> items =
        IntStream.range(0, 40).mapToObj(i -> new Item("i" + i, template + " " + text(15))).toList();
    List<String> training = texts(40, 15).stream().map(t -> template + " " + t).toList();
    assertThat(LeakScans.of(training, items).leaks()).isEmpty();
    List<String> one = new ArrayList<>(training);
    String own = items.get(7).texts().getFirst().substring(template.length() + 1);
    one.set(3, own);
    Leak leak = only(LeakScans.of(one, items));
    assertThat(leak.id()).isEqualTo("i7");
    assertThat(leak.witnesses()).containsEntry(LeakKind.RUNS, 3L);
  }

  /// Of 60 items seven are more than a tenth, whether they have two texts or three: the wording of
  /// seven is not counted, that of six is.
  @Test
  void wordingIsCommonByItemsNotByTheirTexts() {
    for (int sharing : new int[] {6, 7}) {
      String shared = text(120);
      List<Item> items = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        String own = text(20);
        String question = (i < sharing ? shared : text(60)) + " " + own;
        items.add(new Item("i" + i, List.of(question, own, text(15))));
      }
      long found = sharing > 6 ? 0 : sharing;
      assertThat(LeakScans.of(List.of(shared), items).counts())
          .as("%s share it", sharing)
          .containsEntry(LeakKind.RUNS, found)
          .containsEntry(LeakKind.NEAR, found);
    }
  }

  @Test
  void formsOfACharacterAndScriptsWithoutBlanksAreNormalised() {
    assertThat(only(scan(List.of("Ｃａｆｅ\u0301  №５"), "CAFÉ no5")).witnesses())
        .containsOnlyKeys(LeakKind.NORMALISED, LeakKind.NEAR);
    String japanese = "今日は天気がいいので、公園を散歩します。";
    assertThat(only(scan(List.of("例：" + japanese + "以上、よろしくお願いします。"), japanese)).witnesses())
        .containsOnlyKeys(LeakKind.RUNS);
    assertThat(only(scan(List.of("🙂"), "🙂")).witnesses()).containsOnlyKeys(LeakKind.EXACT);
  }

  @Test
  void nothingIsFoundInNothing() {
    assertThat(LeakScans.of(List.of("", "a"), List.of()).leaks()).isEmpty();
    assertThat(scan(List.of("", " "), "").leaks()).isEmpty();
    assertThat(scan(List.of(), "a b").leaks()).isEmpty();
    assertThat(scan(List.of("!!"), "??").leaks()).isEmpty();
  }

  @Test
  void itemsThatAreAlikeAreAllFound() {
    String text = text(20);
    LeakReport report =
        LeakScans.of(List.of(text(20), text), List.of(new Item("a", text), new Item("b", text)));
    assertThat(report.leaks()).hasSize(2);
    assertThat(report.leaks())
        .allSatisfy(
            leak -> assertThat(leak.witnesses()).containsEntry(LeakKind.EXACT, 1L).hasSize(4));
    assertThatThrownBy(() -> new LeakScan(List.of(new Item("a", "x"), new Item("a", "y"))))
        .hasMessage("two items have the id 'a'");
  }

  @Test
  void postingsKeepEveryPlace() {
    Postings postings = new Postings();
    for (int i = 0; i < 20_000; i++) {
      postings.add(i % 5_000 - 2_500L, i);
    }
    for (int key = 0; key < 5_000; key++) {
      assertThat(postings.of(key - 2_500L))
          .containsExactly(key + 15_000, key + 10_000, key + 5_000, key);
    }
    assertThat(postings.of(99_999)).isEmpty();
    assertThat(postings.take(-2_500)).hasSize(4);
    assertThat(postings.take(-2_500)).isEmpty();
    assertThat(postings.keys()).hasSize(4_999).doesNotContain(-2_500);
  }
}
