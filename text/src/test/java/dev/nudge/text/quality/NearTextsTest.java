package dev.nudge.text.quality;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class NearTextsTest {
  private static final int TEXTS = 500;

  private static int[] text(Random random, int words) {
    return random.ints(words, 0, 5_000).toArray();
  }

  @Test
  void nearlyTheSameIsFoundAndAnotherTextIsNot() {
    long seed = Seeds.next();
    Random random = new Random(seed);
    List<int[]> known = new ArrayList<>();
    for (int i = 0; i < TEXTS; i++) {
      known.add(text(random, 20 + random.nextInt(200)));
    }
    NearTexts texts = new NearTexts(known);
    known.forEach(texts::add);
    int found = 0;
    for (int[] one : known) {
      assertThat(texts.near(one)).as("seed " + seed).isTrue();
      int[] changed = one.clone();
      changed[random.nextInt(changed.length)] = 5_001; // at most five runs of sixteen or more
      found += changed.length > 120 && texts.near(changed) ? 1 : 0;
      assertThat(texts.near(text(random, 100))).as("seed " + seed).isFalse();
    }
    long longer = known.stream().filter(one -> one.length > 120).count();
    assertThat((double) found / longer).as("seed " + seed).isGreaterThan(0.95);
  }

  @Test
  void whatAllTextsShareDoesNotMakeThemAlike() {
    Random random = new Random(1);
    int[] shared = text(random, 200);
    List<int[]> known = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      int[] one = java.util.Arrays.copyOf(shared, 230);
      System.arraycopy(text(random, 30), 0, one, 200, 30);
      known.add(one);
    }
    NearTexts texts = new NearTexts(known);
    known.forEach(texts::add);
    int[] other = java.util.Arrays.copyOf(shared, 230);
    System.arraycopy(text(random, 30), 0, other, 200, 30);
    assertThat(texts.near(other)).isFalse();
    assertThat(texts.near(shared)).isFalse();
    assertThat(texts.near(known.get(7))).isTrue();
  }

  @Test
  void everyTextThatIsLikeItIsToldOnceAndComparedExactly() {
    Random random = new Random(Seeds.next());
    int[] one = text(random, 100);
    int[] changed = one.clone();
    changed[50] = 5_001; // five runs of 96
    NearTexts texts = new NearTexts(List.of());
    assertThat(texts.add(one)).isZero();
    assertThat(texts.add(new int[0])).isEqualTo(-1);
    assertThat(texts.add(text(random, 100))).isEqualTo(1);
    assertThat(texts.add(one)).isEqualTo(2);
    List<Integer> found = new ArrayList<>();
    texts.each(one, 0.99, (number, estimate) -> found.add(number));
    assertThat(found).containsExactly(0, 2);
    assertThat(texts.likeness(one, changed))
        .isEqualTo(91 / 101.0)
        .isEqualTo(texts.likeness(changed, one));
    assertThat(texts.likeness(one, one)).isOne();
    assertThat(texts.likeness(new int[0], new int[0])).isZero();
  }

  @Test
  void wordsAreRunsOfLettersAndDigits() {
    assertThat(NearTexts.words("The pump, at 7!")).isEqualTo(NearTexts.words("the PUMP at 7"));
    assertThat(NearTexts.words("")).isEmpty();
    assertThat(NearTexts.words("a b")).hasSize(2);
    NearTexts texts = new NearTexts(List.of());
    texts.add(NearTexts.words("The pump leaks."));
    assertThat(texts.near(NearTexts.words("the pump LEAKS"))).isTrue();
    assertThat(texts.near(NearTexts.words("the pump works"))).isFalse();
    assertThat(texts.near(new int[0])).isFalse();
  }

  @Test
  void numbersAreKeptOnce() {
    LongSet set = new LongSet();
    for (long i = 0; i < 10_000; i++) {
      assertThat(set.add(i % 7_000)).isEqualTo(i < 7_000);
    }
    assertThat(set.add(6_999)).isFalse();
    assertThat(set.add(7_000)).isTrue();
  }
}
