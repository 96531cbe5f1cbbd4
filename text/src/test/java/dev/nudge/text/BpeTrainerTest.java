package dev.nudge.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BpeTrainerTest {
  private static final String END = "<|endoftext|>";

  @TempDir Path folder;

  private static Bpe train(int size, String... texts) {
    WordCounts counts = new WordCounts();
    List.of(texts).forEach(counts::add);
    return BpeTrainer.train(counts, size, END);
  }

  private Tokenizer load(Bpe bpe) throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), bpe.tokenizerJson());
    Files.writeString(folder.resolve("tokenizer_config.json"), bpe.configJson(512));
    return Tokenizer.load(folder);
  }

  @Test
  void learnsWhatTheTokenizersLibraryLearns() throws IOException {
    Path golden = Path.of("../core/src/test/resources/golden/bpe.json");
    JsonNode json = JsonMapper.builder().build().readTree(Files.readString(golden));
    String[] texts =
        json.get("texts").valueStream().map(JsonNode::stringValue).toArray(String[]::new);
    for (JsonNode expected : json.get("trained").values()) {
      Bpe bpe = train(expected.get("asked").intValue(), texts);
      assertThat(bpe.merges())
          .isEqualTo(expected.get("merges").valueStream().map(JsonNode::stringValue).toList());
      assertThat(bpe.tokens())
          .isEqualTo(expected.get("tokens").valueStream().map(JsonNode::stringValue).toList());
    }
  }

  @Test
  void everyStringComesBack() throws IOException {
    Tokenizer tokenizer = load(train(300, "the pump reads the pressure of the pump", "it's aaaa"));
    StringBuilder all = new StringBuilder("it's the pump \n\n\t ");
    for (int c = 0; c < 0x800; c++) {
      all.append((char) c);
    }
    Random random = new Random(5);
    for (int i = 0; i < 2000; i++) {
      int c = random.nextInt(0x110000);
      all.appendCodePoint(c >= 0xD800 && c < 0xE000 ? ' ' : c);
    }
    String text = all.toString();
    assertThat(tokenizer.decode(tokenizer.ids(text), false)).isEqualTo(text);
    assertThat(tokenizer.eosId()).isEqualTo(Bpe.END);
    assertThat(tokenizer.token(Bpe.END)).isEqualTo(END);
  }

  @Test
  void theFirst257TokensAreTheEndAndTheBytesInOrder() {
    List<String> tokens = train(257, "anything").tokens();
    assertThat(tokens).hasSize(257).doesNotHaveDuplicates();
    assertThat(tokens.subList(1, 257)).isSorted().allMatch(token -> token.length() == 1);
    assertThat(tokens.getFirst()).isEqualTo(END);
  }

  @Test
  void equallyFrequentPairsAreMergedInTheOrderOfTheirIds() {
    assertThat(train(400, "cd ab cd ab").merges())
        .containsExactly("a b", "c d", "Ġ ab"); // each twice; "Ġ cd" is there once
  }

  @Test
  void tokensNeverReachAcrossPieces() {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      texts.add("it's 12ab--x \n\n y");
    }
    List<String> tokens = train(1000, texts.toArray(String[]::new)).tokens();
    assertThat(tokens.subList(257, tokens.size()))
        .containsExactly("'s", "--", "12", "ab", "it", "ĊĊ", "Ġy", "Ġ12", "ĠĊĊ");
  }

  @Test
  void runsOfOneLetterAreMergedFromTheLeft() throws IOException {
    Tokenizer tokenizer = load(train(258, "aaaaa aaaaa"));
    assertThat(tokenizer.ids("aaaaa")).hasSize(3);
    assertThat(tokenizer.token(tokenizer.ids("aaaaa")[2])).isEqualTo("a");
  }
}
