package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.generate.Completion.Stop;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Holds where a completion ends and what is shown of it on the way.
class AnswerTest {
  private static final int END = 1; // the tokenizer's
  private static final int OTHER_END = 2; // the model's

  private static Tokenizer tokenizer;

  /// What was shown, piece by piece, and the completion; `used` tokens were taken.
  private record Told(List<String> pieces, Completion completion, int used) {}

  @BeforeAll
  static void load() {
    tokenizer =
        Tokenizer.load(
            Path.of("src/test/resources/golden/llama/grouped-tied/model"), Backends.cache());
  }

  @Test
  void theEndTokenCountsAndIsNotText() {
    int[] ids = plus(tokenizer.ids(" seven bar"), END);
    Told told = tell(ids, 100, List.of());
    assertThat(told.completion).isEqualTo(new Completion(" seven bar", ids.length, Stop.EOS));
    assertThat(told.pieces).hasSizeGreaterThan(1);
    assertThat(tell(new int[] {END}, 1, List.of()).completion)
        .isEqualTo(new Completion("", 1, Stop.EOS));
  }

  @Test
  void anEndTokenOfTheModelEndsATextTooAndNoOtherDoes() {
    int[] ids = tokenizer.ids(" seven bar");
    Told told = tell(plus(plus(ids, OTHER_END), ids[0]), 100, List.of());
    assertThat(told.completion).isEqualTo(new Completion(" seven bar", ids.length + 1, Stop.EOS));
    assertThat(tell(plus(plus(ids, 0), ids[0]), ids.length + 2, List.of()).completion.stop())
        .isEqualTo(Stop.LENGTH);
  }

  @Test
  void asManyTokensAsAllowedAreTaken() {
    int[] ids = tokenizer.ids(" seven bar, nine");
    Told told = tell(ids, 2, List.of());
    assertThat(told.completion.stop()).isEqualTo(Stop.LENGTH);
    assertThat(told.completion.tokens()).isEqualTo(2);
    assertThat(" seven bar, nine").startsWith(told.completion.text());
    int[] all = plus(ids, END);
    assertThat(tell(all, all.length, List.of()).completion.stop()).isEqualTo(Stop.EOS);
    assertThat(tell(all, ids.length, List.of()).completion.stop()).isEqualTo(Stop.LENGTH);
  }

  @Test
  void aStopStringEndsTheTextBeforeIt() {
    int[] ids = plus(tokenizer.ids(" seven\nQuery: nine"), END);
    assertThat(tell(ids, 100, List.of("\nQuery:")).completion.text()).isEqualTo(" seven");
    assertThat(tell(ids, 100, List.of("zzz", "Query", "ven\nQ")).completion.text())
        .isEqualTo(" se");
    assertThat(tell(ids, 100, List.of(" ")).completion.text()).isEmpty();
    assertThat(tell(ids, 100, List.of("nine")).completion)
        .isEqualTo(new Completion(" seven\nQuery: ", ids.length - 1, Stop.STRING));
    assertThat(tell(ids, 100, List.of("nine!")).completion)
        .isEqualTo(new Completion(" seven\nQuery: nine", ids.length, Stop.EOS));
  }

  @Test
  void aStopStringInTheLastTokenAllowedIsFound() {
    int[] ids = tokenizer.ids(" seven");
    assertThat(tell(ids, ids.length, List.of("ven")).completion)
        .isEqualTo(new Completion(" se", ids.length, Stop.STRING));
  }

  @Test
  void halfACharacterIsNeverShown() {
    int[] ids = plus(tokenizer.ids("🙂 漢字 👩‍🔧 é"), END);
    assertThat(ids.length).isGreaterThan(12);
    Told told = tell(ids, 100, List.of("zz🙃"));
    assertThat(told.pieces).noneMatch(p -> p.contains("\uFFFD"));
    assertThat(told.pieces).noneMatch(p -> Tokenizer.loneSurrogate(p) >= 0);
    assertThat(String.join("", told.pieces)).isEqualTo("🙂 漢字 👩‍🔧 é");
    // cut inside a character: what is there is shown at the end, as decoding shows it
    Told cut = tell(ids, 2, List.of());
    assertThat(cut.completion.text()).isEqualTo(String.join("", cut.pieces));
  }

  /// Against the plain rule: after each token that ends a character, cut at the first stop
  /// string in the text so far.
  @Test
  void randomTextsEndWhereThePlainRuleSays() {
    long seed = Seeds.next();
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 3_000; round++) {
      int[] ids = tokenizer.ids(text(random, "ab é🙂", 1 + random.nextInt(30)));
      List<String> stops = new ArrayList<>();
      for (int i = random.nextInt(4); i > 0; i--) {
        stops.add(text(random, "ab é🙂", 1 + random.nextInt(4)));
      }
      Told told = tell(ids, ids.length, stops);
      String expected = tokenizer.decode(ids, true);
      int used = ids.length;
      for (int n = 1; n <= ids.length; n++) {
        String soFar = tokenizer.decode(Arrays.copyOf(ids, n), true);
        if (soFar.endsWith("\uFFFD") && n < ids.length) {
          continue;
        }
        int first = stops.stream().mapToInt(soFar::indexOf).filter(i -> i >= 0).min().orElse(-1);
        if (first >= 0) {
          expected = soFar.substring(0, first);
          used = n;
          break;
        }
      }
      String what = stops + " in " + tokenizer.decode(ids, true);
      assertThat(told.completion.text()).as(what).isEqualTo(expected);
      assertThat(told.used).as(what).isEqualTo(used);
      assertThat(String.join("", told.pieces)).as(what).isEqualTo(expected);
    }
  }

  private static String text(SplittableRandom random, String letters, int length) {
    int[] points = letters.codePoints().toArray();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.appendCodePoint(points[random.nextInt(points.length)]);
    }
    return text.toString();
  }

  private static int[] plus(int[] ids, int last) {
    int[] more = Arrays.copyOf(ids, ids.length + 1);
    more[ids.length] = last;
    return more;
  }

  private static Told tell(int[] ids, int most, List<String> stops) {
    List<String> pieces = new ArrayList<>();
    Answer answer = new Answer(tokenizer, List.of(OTHER_END), new int[0], stops, most, pieces::add);
    int used = 0;
    while (used < ids.length && answer.push(ids[used++])) {}
    return new Told(pieces, answer.completion(), used);
  }
}
