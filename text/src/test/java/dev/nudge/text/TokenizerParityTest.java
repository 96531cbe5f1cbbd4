package dev.nudge.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class TokenizerParityTest {
  @TempDir Path folder;

  static List<TokenizerCases> tiny() throws IOException {
    return TokenizerCases.tiny();
  }

  @ParameterizedTest
  @MethodSource("tiny")
  void oddTextHasTheTokensOfThePythonLibrary(TokenizerCases golden) throws IOException {
    assertThat(encoded(golden, golden.load(folder))).isGreaterThan(100);
  }

  @ParameterizedTest
  @MethodSource("tiny")
  void whatUsersWroteNeverBecomesASpecialToken(TokenizerCases golden) throws IOException {
    assertThat(written(golden, golden.load(folder))).isGreaterThan(50);
  }

  @ParameterizedTest
  @MethodSource("tiny")
  void aStreamThatBeginsAnywhereShowsWholeCharactersOnly(TokenizerCases golden) throws IOException {
    assertThat(streamed(golden, golden.load(folder))).isGreaterThan(300);
  }

  /// Takes the folder with `-Dnudge.tokenizers=`; a folder a tokenizer, with its `cases.json`.
  @Test
  void realTokenizersDoTheSame() throws IOException {
    List<TokenizerCases> all = TokenizerCases.outside();
    assumeTrue(!all.isEmpty(), "-Dnudge.tokenizers= names no folder of tokenizers");
    for (TokenizerCases golden : all) {
      Tokenizer tokenizer = golden.load(folder.resolve(golden.name()));
      System.out.printf(
          "%s: %d texts, %d rows, %d streams%n",
          golden,
          encoded(golden, tokenizer),
          written(golden, tokenizer),
          streamed(golden, tokenizer));
    }
  }

  private static int encoded(TokenizerCases golden, Tokenizer tokenizer) {
    int count = 0;
    for (JsonNode example : golden.cases().path("encode")) {
      String text = example.path("text").stringValue();
      Encoded encoded = tokenizer.encode(text);
      assertThat(encoded.ids()).as(text).isEqualTo(TokenizerCases.ints(example.path("ids")));
      assertThat(tokenizer.ids(text)).isEqualTo(encoded.ids());
      assertThat(offsets(encoded)).as(text).isEqualTo(TokenizerCases.ints(example.path("offsets")));
      assertThat(tokenizer.encode(text, List.of()).ids())
          .as(text)
          .isEqualTo(TokenizerCases.ints(example.path("bare")));
      decodes(tokenizer, encoded.ids(), example);
      count++;
    }
    for (JsonNode example : golden.cases().path("decode")) {
      int[] ids = TokenizerCases.ints(example.path("ids"));
      decodes(tokenizer, ids, example);
      count++;
    }
    return count;
  }

  private static void decodes(Tokenizer tokenizer, int[] ids, JsonNode example) {
    if (example.has("decoded")) {
      String whole = example.path(example.has("whole") ? "whole" : "decoded").stringValue();
      assertThat(tokenizer.decode(ids, true)).isEqualTo(example.path("decoded").stringValue());
      assertThat(tokenizer.decode(ids, false)).isEqualTo(whole);
    }
  }

  private static int written(TokenizerCases golden, Tokenizer tokenizer) {
    int count = 0;
    for (JsonNode example : golden.cases().path("alone")) {
      String text = example.path("text").stringValue();
      List<TextRange> all = List.of(new TextRange(0, text.length()));
      Encoded encoded = tokenizer.encode(text, all);
      assertThat(spoken(tokenizer, text, encoded, all)).as(text).isEmpty();
      if (!example.path("becomes").booleanValue()) {
        assertThat(encoded.ids()).as(text).isEqualTo(TokenizerCases.ints(example.path("ids")));
        assertThat(offsets(encoded))
            .as(text)
            .isEqualTo(TokenizerCases.ints(example.path("offsets")));
      }
      count++;
    }
    for (JsonNode example : golden.cases().path("rows")) {
      StringBuilder text = new StringBuilder();
      List<TextRange> users = new ArrayList<>();
      for (JsonNode part : example.path("row")) {
        int from = text.length();
        text.append(part.path(1).stringValue());
        if (part.path(0).stringValue().equals("u")) {
          users.add(new TextRange(from, text.length()));
        }
      }
      Encoded encoded = tokenizer.encode(text.toString(), users);
      String row = example.path("row").toString();
      assertThat(spoken(tokenizer, text.toString(), encoded, users)).as(row).isEmpty();
      if (!example.has("becomes")) {
        assertThat(encoded.ids()).as(row).isEqualTo(TokenizerCases.ints(example.path("ids")));
        assertThat(offsets(encoded))
            .as(row)
            .isEqualTo(TokenizerCases.ints(example.path("offsets")));
      }
      count++;
    }
    return count;
  }

  /// The special tokens that are spelled in what users wrote. An unknown character is no such.
  private static List<String> spoken(
      Tokenizer tokenizer, String text, Encoded encoded, List<TextRange> users) {
    CodePoints points = CodePoints.of(text);
    List<String> spoken = new ArrayList<>();
    for (int i = 0; i < encoded.length(); i++) {
      int from = points.index(encoded.starts()[i]);
      int to = points.index(encoded.ends()[i]);
      String token = String.valueOf(tokenizer.token(encoded.ids()[i]));
      int at = text.indexOf(token, from);
      if (tokenizer.isSpecial(encoded.ids()[i])
          && at >= 0
          && at + token.length() <= to
          && users.stream().anyMatch(user -> user.meets(at, at + token.length()))) {
        spoken.add(token);
      }
    }
    return spoken;
  }

  private static int streamed(TokenizerCases golden, Tokenizer tokenizer) {
    int count = 0;
    for (JsonNode example : golden.cases().path("encode")) {
      int[] ids = TokenizerCases.ints(example.path("ids"));
      String all = tokenizer.decode(ids, true);
      for (int cut = 0; cut <= ids.length; cut++) {
        String prompt = tokenizer.decode(Arrays.copyOf(ids, cut), true);
        StreamDecoder stream = new StreamDecoder(tokenizer, Arrays.copyOf(ids, cut));
        StringBuilder shown = new StringBuilder();
        for (int i = cut; i < ids.length; i++) {
          String piece = stream.push(ids[i]);
          assertThat(Tokenizer.loneSurrogate(piece)).isEqualTo(-1);
          shown.append(piece);
        }
        shown.append(stream.finish());
        if (all.startsWith(prompt)) {
          assertThat(prompt + shown).as("%s cut at %d", all, cut).isEqualTo(all);
        } else { // the prompt ends inside a character
          assertThat(all).as("%s cut at %d", all, cut).endsWith(shown);
        }
        if (!all.contains("\uFFFD")) {
          assertThat(shown.toString()).as("%s cut at %d", all, cut).doesNotContain("\uFFFD");
        }
        count++;
      }
    }
    return count;
  }

  /// As Python says it: (0, 0) of a token that the post-processor added.
  private static int[] offsets(Encoded encoded) {
    return IntStream.range(0, 2 * encoded.length())
        .map(i -> Math.max(0, i % 2 == 0 ? encoded.starts()[i / 2] : encoded.ends()[i / 2]))
        .toArray();
  }
}
