package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.format.Json;
import dev.nudge.generate.Completion.Stop;
import dev.nudge.generate.Logprobs.Likely;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.text.StreamDecoder;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Holds where a completion ends and what is shown of it on the way.
class DetokenizerTest {
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
  void aStopIdEndsTheTextBeforeItAndCounts() {
    int[] ids = tokenizer.ids(" seven bar, nine");
    SamplingSettings sampling = SamplingSettings.greedy().withStopId(ids[2], 9_999);
    String before = tokenizer.decode(Arrays.copyOf(ids, 2), true);
    assertThat(tell(ids, 100, sampling).completion)
        .isEqualTo(new Completion(before, 3, Stop.TOKEN));
    // a stop string that its text held back goes out
    assertThat(tell(ids, 100, sampling.withStop(before + "#")).completion)
        .isEqualTo(new Completion(before, 3, Stop.TOKEN));
    assertThat(tell(new int[] {END}, 9, sampling.withStopId(END)).completion.stop())
        .isEqualTo(Stop.EOS);
  }

  @Test
  void textOfTheLeastNumberOfTokensIsNoPartOfAStopString() {
    int[] ids = tokenizer.ids(" a a a a a");
    SamplingSettings stop = SamplingSettings.greedy().withStop("a");
    assertThat(tell(ids, 100, stop).completion.text()).isEqualTo(" ");
    String all = tokenizer.decode(ids, true);
    for (int least = 1; least < ids.length; least++) {
      String first = tokenizer.decode(Arrays.copyOf(ids, least), true);
      Told told = tell(ids, ids.length, stop.withMinTokens(least));
      assertThat(told.completion.text())
          .isEqualTo(all.substring(0, all.indexOf('a', first.length())));
      assertThat(String.join("", told.pieces)).isEqualTo(told.completion.text());
      assertThat(told.used).isGreaterThan(least);
    }
    Told never = tell(ids, ids.length, stop.withMinTokens(ids.length));
    assertThat(never.completion).isEqualTo(new Completion(all, ids.length, Stop.LENGTH));
  }

  @Test
  void logprobsStandBesideTheTokensWhereAskedFor() {
    int[] ids = tokenizer.ids(" seven bar");
    Logprobs thought =
        new Logprobs(
            0, new Likely(ids[0], -0.5), List.of(new Likely(END, -0.25), new Likely(ids[0], -0.5)));
    SamplingSettings asked = SamplingSettings.greedy().withLogprobs(true);
    String text = tokenizer.decode(new int[] {ids[0]}, false);
    TokenLogprob plain = new TokenLogprob(text, ids[0], -0.5, null);
    assertThat(pushed(asked, thought).logprobs()).containsExactly(plain);
    TokenLogprob end = new TokenLogprob(tokenizer.decode(new int[] {END}, false), END, -0.25, null);
    assertThat(end.token()).isNotEmpty(); // a special token is spelled out
    assertThat(pushed(asked.withTopLogprobs(2), thought).logprobs())
        .containsExactly(new TokenLogprob(text, ids[0], -0.5, List.of(end, plain)));
    assertThat(pushed(SamplingSettings.greedy(), thought).logprobs()).isNull();
    assertThat(Json.line(pushed(asked, thought)))
        .isEqualTo(
            "{\"completion\":\"%s\",\"tokens\":1,\"stop\":\"length\",\"logprobs\":[{\"token\":\"%s\",\"id\":%d,\"logprob\":-0.5}]}"
                .formatted(text, text, ids[0]));
    assertThat(Json.line(new Completion("a", 1, Stop.TOKEN)))
        .isEqualTo("{\"completion\":\"a\",\"tokens\":1,\"stop\":\"token\"}");
  }

  private static Completion pushed(SamplingSettings sampling, Logprobs thought) {
    Detokenizer answer =
        new Detokenizer(tokenizer, List.of(OTHER_END), new int[0], sampling, 1, piece -> {});
    answer.push(thought.token().id(), thought);
    return answer.completion();
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

  @Test
  void stopStringsEndMessagesNotWhatStandsBeforeThem(@TempDir Path folder) throws IOException {
    Path golden = Path.of("src/test/resources/golden/llama/grouped-tied/model");
    String special = "{\"id\": 188, \"content\": \"<|message|>\", \"single_word\": false, ";
    special += "\"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true},";
    String json =
        Files.readString(golden.resolve("tokenizer.json"))
            .replace("\"ý\"", "\"<|message|>\"")
            .replace("\"<s>\"", "\"<|start|>\"")
            .replace("\"<pad>\"", "\"<|channel|>\"")
            .replaceFirst("\"added_tokens\": *\\[", "\"added_tokens\": [" + special);
    Files.writeString(folder.resolve("tokenizer.json"), json);
    Tokenizer channels = Tokenizer.load(folder, Backends.cache());
    int[] prompt = channels.ids("<|start|>a");
    String header = "<|channel|>final<|message|>";
    int[] ids = channels.ids(header + " the final bar");
    String shown = header + " the ";
    for (String stop : List.of("final", "nal")) {
      List<String> pieces = new ArrayList<>();
      SamplingSettings sampling = SamplingSettings.greedy().withStop(stop);
      Detokenizer answer = new Detokenizer(channels, List.of(), prompt, sampling, 100, pieces::add);
      int used = 0;
      while (used < ids.length && answer.push(ids[used++])) {}
      String end = stop.equals("nal") ? "fi" : "";
      assertThat(answer.completion().text()).isEqualTo(shown + end);
      assertThat(answer.written().text()).isEqualTo(" the " + end);
      assertThat(answer.completion().stop()).isEqualTo(Stop.STRING);
      String marked = StreamDecoder.MARK + "<|channel|>final" + StreamDecoder.MARK + "<|message|>";
      assertThat(String.join("", pieces)).isEqualTo(marked + " the " + end);
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
    return tell(ids, most, SamplingSettings.greedy().withStop(stops.toArray(String[]::new)));
  }

  private static Told tell(int[] ids, int most, SamplingSettings sampling) {
    List<String> pieces = new ArrayList<>();
    Detokenizer answer =
        new Detokenizer(tokenizer, List.of(OTHER_END), new int[0], sampling, most, pieces::add);
    int used = 0;
    while (used < ids.length && answer.push(ids[used++])) {}
    return new Told(pieces, answer.completion(), used);
  }
}
