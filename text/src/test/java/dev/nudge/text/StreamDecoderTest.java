package dev.nudge.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StreamDecoderTest {
  @TempDir Path folder;

  @Test
  void halfACharacterIsHeldBack() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder, true));
    StreamDecoder stream = new StreamDecoder(tokenizer, tokenizer.ids("ab "));
    int[] emoji = Arrays.copyOfRange(tokenizer.ids("😀"), 1, 5);
    assertThat(stream.push(emoji[0])).isEmpty();
    assertThat(stream.push(emoji[1])).isEmpty();
    assertThat(stream.push(emoji[2])).isEmpty();
    assertThat(stream.push(emoji[3])).isEqualTo("😀");
    assertThat(stream.push(emoji[0])).isEmpty();
    assertThat(stream.push(tokenizer.ids("x")[1])).isEqualTo("\uFFFDx");
    assertThat(stream.push(emoji[0])).isEmpty();
    assertThat(stream.finish()).isEqualTo("\uFFFD");
  }

  @Test
  void aSpaceBehindThePromptIsNotLost() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.sentencePiece(folder, true));
    StreamDecoder stream = new StreamDecoder(tokenizer, tokenizer.ids("he"));
    assertThat(stream.push(tokenizer.id("▁a").getAsInt())).isEqualTo(" a");
    assertThat(stream.push(tokenizer.id("</s>").getAsInt())).isEmpty();
    assertThat(stream.push(tokenizer.id("▁b").getAsInt())).isEqualTo(" b");
    StreamDecoder first = new StreamDecoder(tokenizer, new int[] {1});
    assertThat(first.push(tokenizer.id("▁a").getAsInt())).isEqualTo("a");
  }

  @Test
  void marksOfChannelsAreKeptBehindAPromptThatAsksForThem() throws IOException {
    TinyTokenizers.byteLevel(folder, false);
    Path file = folder.resolve("tokenizer.json");
    String json = Files.readString(file);
    for (String[] renamed : new String[][] {{"<s>", "<|start|>"}, {"<pad>", "<|channel|>"}}) {
      json = json.replace('"' + renamed[0] + '"', '"' + renamed[1] + '"');
    }
    Files.writeString(file, json);
    Tokenizer tokenizer = Tokenizer.load(folder);
    int[] asks = tokenizer.ids("</s>a<|start|>ab");
    int[] answer = tokenizer.ids("<|channel|>b</s>a");
    assertThat(tokenizer.asksForChannels(asks)).isTrue();
    assertThat(pushed(tokenizer, asks, answer)).isEqualTo("\uFFFF<|channel|>b\uFFFF</s>a");
    int[] spelled = tokenizer.encode("b<|channel|>", List.of(new TextRange(0, 12))).ids();
    assertThat(pushed(tokenizer, asks, spelled)).isEqualTo("b<|channel|>");
    int[] half = Arrays.copyOfRange(tokenizer.ids("a\uFFFF</s>"), 1, 3); // a part of a character
    assertThat(pushed(tokenizer, asks, new int[] {half[0], answer[0]}))
        .isEqualTo("\uFFFD\uFFFF<|channel|>");
    for (String other : List.of("ab", "<|start|>a</s>", "a<|channel|>ab")) {
      assertThat(tokenizer.asksForChannels(tokenizer.ids(other))).isFalse();
      assertThat(pushed(tokenizer, tokenizer.ids(other), answer)).isEqualTo("ba");
    }
  }

  private static String pushed(Tokenizer tokenizer, int[] prompt, int[] answer) {
    StreamDecoder stream = new StreamDecoder(tokenizer, prompt);
    StringBuilder all = new StringBuilder();
    for (int id : answer) {
      all.append(stream.push(id));
    }
    return all + stream.finish();
  }

  @Test
  void piecesOfRandomTokensAreWhatDecodingAllOfThemAdds() throws IOException {
    Tokenizer[] tokenizers = {
      Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("a"), false)),
      Tokenizer.load(TinyTokenizers.sentencePiece(folder.resolve("b"), false))
    };
    long seed = 20251125;
    for (int round = 0; round < 2_000; round++) {
      SplittableRandom random = new SplittableRandom(seed + round);
      Tokenizer tokenizer = tokenizers[round % 2];
      int[] prompt = tokenizer.ids("he ll\n漢 é ab 😀 abc".repeat(random.nextInt(4)));
      if (random.nextInt(4) == 0) {
        prompt = Arrays.copyOf(prompt, random.nextInt(prompt.length + 1));
      }
      int[] text = tokenizer.ids(" 漢字 é\n\t a😀 b ab</s> 😀😀 abc ".repeat(3));
      int[] ids = new int[1 + random.nextInt(60)];
      boolean wild = random.nextBoolean();
      for (int i = 0; i < ids.length; i++) {
        ids[i] = wild ? random.nextInt(tokenizer.vocabSize()) : text[i % text.length];
      }
      StringBuilder pieces = new StringBuilder();
      StreamDecoder stream = new StreamDecoder(tokenizer, prompt);
      for (int id : ids) {
        String piece = stream.push(id);
        assertThat(Tokenizer.loneSurrogate(piece)).isEqualTo(-1);
        pieces.append(piece);
      }
      pieces.append(stream.finish());
      int[] all = Arrays.copyOf(prompt, prompt.length + ids.length);
      System.arraycopy(ids, 0, all, prompt.length, ids.length);
      assertThat(pieces.toString())
          .as("seed %d", seed + round)
          .isEqualTo(added(tokenizer.decode(prompt, true), tokenizer.decode(all, true)));
    }
  }

  private static String added(String base, String full) {
    if (full.startsWith(base)) {
      return full.substring(base.length());
    }
    int same = 0;
    while (same < Math.min(base.length(), full.length())
        && base.charAt(same) == full.charAt(same)) {
      same++;
    }
    return full.substring(
        same > 0 && Character.isHighSurrogate(full.charAt(same - 1)) ? same - 1 : same);
  }
}
