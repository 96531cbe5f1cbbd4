package dev.nudge.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
  @TempDir Path folder;

  private Tokenizer byteLevel(boolean addsBeginning) throws IOException {
    return Tokenizer.load(TinyTokenizers.byteLevel(folder, addsBeginning));
  }

  @Test
  void spansAreCodePointsAndTheBytesOfOneCharacterShareOne() throws IOException {
    Encoded encoded = byteLevel(false).encode("é😀abc</s>x");
    // é is two bytes, the emoji four (and two chars in Java), abc one merged token.
    assertThat(encoded.starts()).containsExactly(0, 0, 1, 1, 1, 1, 2, 5, 9);
    assertThat(encoded.ends()).containsExactly(1, 1, 2, 2, 2, 2, 5, 9, 10);
    assertThat(encoded.ids()[7]).isEqualTo(1);
  }

  @Test
  void bytesOfTokensTogetherAreTheTextTheyDecodeTo() throws IOException {
    Tokenizer blocks = Tokenizer.load(TinyTokenizers.sentencePiece(folder.resolve("blocks"), true));
    for (Tokenizer tokenizer : List.of(byteLevel(true), blocks)) {
      int[] ids = tokenizer.ids("he ab é 漢 😀</s> x\n");
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      for (int id : ids) {
        byte[] bytes = tokenizer.bytes(id);
        if (bytes != null) { // a special token adds none
          all.writeBytes(bytes);
        }
      }
      // a decoder with blocks drops the first space of a text
      assertThat(all.toString(StandardCharsets.UTF_8).strip())
          .isEqualTo(tokenizer.decode(ids, true).strip());
      assertThat(tokenizer.bytes(tokenizer.eosId())).isNull();
      assertThat(tokenizer.bytes(99_999)).isNull();
      assertThat(tokenizer.bytes(-3)).isNull();
    }
  }

  @Test
  void paddingAndTruncationOfTheFileAreOff() throws IOException {
    Tokenizer tokenizer = byteLevel(false);
    assertThat(tokenizer.ids("x")).hasSize(1);
    assertThat(tokenizer.ids("xyzxyzxyz")).hasSize(9);
    assertThat(tokenizer.encode("").length()).isZero();
  }

  @Test
  void onlyThePostProcessorAddsABeginning() throws IOException {
    Encoded encoded = byteLevel(true).encode("ab");
    assertThat(encoded.ids()).hasSize(2).startsWith(0);
    assertThat(encoded.starts()).containsExactly(-1, 0);
    assertThat(encoded.ends()).containsExactly(-1, 2);
    assertThat(byteLevel(false).ids("ab")).hasSize(1);
  }

  @Test
  void decodingGivesTheTextBackWithAndWithoutSpecialTokens() throws IOException {
    Tokenizer tokenizer = byteLevel(true);
    int[] ids = tokenizer.ids("ab é 漢 😀</s>");
    assertThat(tokenizer.decode(ids, true)).isEqualTo("ab é 漢 😀");
    assertThat(tokenizer.decode(ids, false)).isEqualTo("<s>ab é 漢 😀</s>");
    assertThat(tokenizer.decode(new int[] {99_999, -3}, true)).isEmpty();
  }

  @Test
  void everyCharacterOfJavaSurvivesButHalfAPair() throws IOException {
    Tokenizer tokenizer = byteLevel(false);
    String text = "\u0000\u0001\n\r\t\u2028\uFFFD\uD83D\uDE00";
    assertThat(tokenizer.decode(tokenizer.ids(text), true)).isEqualTo(text);
    assertThatThrownBy(() -> tokenizer.ids("ab\uD83D"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("character 2");
    assertThatThrownBy(() -> tokenizer.encode("</s>\uDE00", List.of(new TextRange(0, 5))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("character 4");
  }

  @Test
  void vocabularyIsReadFromTheFile() throws IOException {
    Tokenizer tokenizer = byteLevel(false);
    assertThat(tokenizer.vocabSize()).isEqualTo(3 + 256 + 8);
    assertThat(tokenizer.id("</s>")).hasValue(1);
    assertThat(tokenizer.token(1)).isEqualTo("</s>");
    assertThat(tokenizer.id("nothing")).isEmpty();
    assertThat(tokenizer.token(tokenizer.ids("abc")[0])).isEqualTo("abc");
  }

  @Test
  void endTokenIsTakenFromTheFirstFileThatNamesOne() throws IOException {
    Files.writeString(
        write("special_tokens_map.json"), "{\"eos_token\": {\"content\": \"<pad>\"}}");
    Files.writeString(write("config.json"), "{\"eos_token_id\": [0, 1]}");
    assertThat(byteLevel(false).eosId()).isEqualTo(1);
    Files.writeString(write("tokenizer_config.json"), "{\"eos_token\": {\"content\": \"<s>\"}}");
    assertThat(Tokenizer.load(folder).eosId()).isZero();
    Files.writeString(write("tokenizer_config.json"), "{\"eos_token\": null}");
    assertThat(Tokenizer.load(folder).eosId()).isEqualTo(2);
    assertThat(Tokenizer.load(folder).isEnd(2)).isTrue();
    assertThat(Tokenizer.load(folder).isEnd(0)).isFalse();
    Files.delete(write("special_tokens_map.json"));
    assertThat(Tokenizer.load(folder).eosId()).isZero();
    Files.delete(write("config.json"));
    Tokenizer without = Tokenizer.load(folder);
    assertThat(without.isEnd(0)).isFalse();
    assertThatThrownBy(without::eosId)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("names no end token");
  }

  @Test
  void aFolderThatIsNoModelIsRefusedInOneLine() throws IOException {
    refused(folder.resolve("nothing"), "is not a folder");
    refused(folder, "has no tokenizer.json");
    Files.writeString(write("tokenizer.json"), "{\"model\": ");
    refused(folder, "is not JSON");
    Files.writeString(write("tokenizer.json"), "{\"model\": {\"type\": \"Words\"}}");
    refused(folder, "is not a tokenizer");
    TinyTokenizers.byteLevel(folder, false);
    Files.writeString(write("tokenizer_config.json"), "{\"eos_token\": \"</end>\"}");
    refused(folder, "</end>");
    Files.writeString(write("tokenizer_config.json"), "{");
    refused(folder, "tokenizer_config.json is not JSON");
  }

  private Path write(String name) {
    return folder.resolve(name);
  }

  private static void refused(Path folder, String message) {
    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("\n");
  }
}
