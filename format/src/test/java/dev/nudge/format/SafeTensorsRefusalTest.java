package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// One row per way in which a file of weights can be wrong, with its line.
class SafeTensorsRefusalTest {
  @TempDir Path folder;

  static Arguments row(String mistake, byte[] file, String line) {
    return Arguments.of(mistake, file, line);
  }

  static Arguments header(String mistake, String json, String line) {
    return row(mistake, file(json, 0), line);
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        row(
            "empty",
            new byte[0],
            "is 0 bytes long; a safetensors file begins with 8 bytes of header length"),
        row("seven bytes", new byte[7], "is 7 bytes long"),
        row("eight zeros", new byte[8], "header is empty; an object is needed"),
        row(
            "header longer than the file",
            length(50, "{}".getBytes(StandardCharsets.UTF_8), 0),
            "header length 50 is above the 2 bytes that follow it; is the file truncated?"),
        row(
            "header of 2^63",
            length(Long.MIN_VALUE, new byte[9], 0),
            "header length 9223372036854775808 is above the 100000000 bytes allowed"),
        row(
            "header above 100 MB",
            length(100_000_001, new byte[9], 0),
            "header length 100000001 is above the 100000000 bytes allowed"),
        row(
            "Git LFS pointer",
            "version https://git-lfs.github.com/spec/v1\n".getBytes(StandardCharsets.UTF_8),
            "is a Git LFS pointer, not the weights; run git lfs pull"),
        row("Latin-1", file(new byte[] {'{', '"', (byte) 0xe9, '"'}, 0), "header is not UTF-8"),
        row(
            "overlong UTF-8",
            file(new byte[] {'{', '"', (byte) 0xc0, (byte) 0xae, '"', '}'}, 0),
            "header is not UTF-8"),
        row(
            "UTF-16",
            file("{}".getBytes(StandardCharsets.UTF_16LE), 0),
            "header is not valid JSON"),
        header("deep", "{\"a\":" + "[".repeat(100_000), "tensor \"a\" is an array; an object"),
        header("deep extra", "{\"a\":{\"x\":" + "[".repeat(5000), "header is not valid JSON"),
        header(
            "half a character",
            "{\"\\ud800\":{}}",
            "header: a name is \"\uFFFD\", with half of a surrogate pair"),
        header(
            "endless size",
            "{\"a\":{\"shape\":[" + "9".repeat(5000) + "]}}",
            "header is not valid JSON"),
        header(
            "too many sizes",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[" + "1,".repeat(32) + "1]}}",
            "tensor \"a\": shape has more than 32 numbers; at most 32 are allowed"),
        header(
            "a name of two lines",
            "{\"a\\n\\u001b[31mb\":{\"dtype\":1}}",
            "tensor \"a\uFFFD\uFFFD[31mb\": dtype is 1; a string is needed"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"a" 3} | 0 | header is not valid JSON at character
          [1] | 0 | header is an array; an object is needed
          {"a":{ | 0 | header is not valid JSON
          {"a":NaN} | 0 | header is not valid JSON
          {} x | 0 | header is not valid JSON
          {}{} | 0 | header: has an object behind its closing brace
          {"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 8 | the name "dtype" comes twice
          {"__metadata__":{"k":1}} | 0 | header: __metadata__ "k" is 1; a string is needed
          {"__metadata__":[]} | 0 | header: __metadata__ is an array; an
          {"a":5} | 0 | header: tensor "a" is 5; an object is needed
          {"a":{"shape":[2],"data_offsets":[0,8]}} | 8 | tensor "a": dtype is missing
          {"a":{"dtype":"F32","data_offsets":[0,8]}} | 8 | "a": shape is missing
          {"a":{"dtype":"F32","shape":[2]}} | 8 | data_offsets is missing
          {"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}} | 8 | header: tensor "a": dtype "F31" is not one of [BOOL, F4,
          {"a":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}} | 8 | dtype "f32" is not one of
          {"a":{"dtype":7}} | 8 | tensor "a": dtype is 7; a string is needed
          {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}} | 8 | tensor "a": shape holds -2; whole numbers from 0 to 2^63 - 1 are allowed
          {"a":{"dtype":"F32","shape":[2.0]}} | 8 | shape holds 2.0; whole
          {"a":{"dtype":"F32","shape":["2"]}} | 8 | shape holds the string "2"
          {"a":{"dtype":"F32","shape":[[2]]}} | 8 | shape holds an array; whole
          {"a":{"dtype":"F32","shape":[null]}} | 8 | shape holds null; whole
          {"a":{"dtype":"F32","shape":null}} | 8 | "a": shape is null; an array
          {"a":{"dtype":"F32","shape":[9223372036854775808]}} | 8 | shape holds 9223372036854775808; whole numbers
          {"a":{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8]}} | 8 | shape [4294967296, 4294967296, 2] is absurd; at most 2^56 elements are allowed
          {"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}} | 0 | shape [0, 4294967296, 4294967296] is absurd
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}} | 8 | tensor "a": data_offsets has more than 2 numbers
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}} | 8 | tensor "a": data_offsets has 1 numbers; 2 are needed
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}} | 8 | tensor "a": data_offsets begin at 8, after their end 0
          {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}} | 8 | tensor "a": data_offsets [0, 8] hold 8 bytes, F32 of shape [3] needs 12
          {"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}} | 2 | data_offsets [0, 2] hold 2 bytes, F4 of shape [3] needs 12 bits
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 7 | tensor "a": data_offsets end at 8, the file has 7 bytes of data; is it truncated?
          {"a":{"dtype":"U8","shape":[1152921504606846976],"data_offsets":[0,1152921504606846976]}} | 7 | shape [1152921504606846976] is absurd
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}} | 12 | tensor "a": data_offsets begin at 4, the data before it ends at 0; a gap is
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 8 | header is not valid JSON at character
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 8 | the name "a" comes twice
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}} | 12 | tensor "b": data_offsets begin at 4, inside tensor "a" that ends at 8
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 8 | data_offsets begin at 0, inside tensor "a" that ends at 8
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}} | 10 | tensor "b": data_offsets begin at 9, the data before it ends at 8
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 9 | the header's tensors cover 8 bytes, the file has 9 bytes of data
          {} | 4 | tensors cover 0 bytes, the file has 4 bytes of data
          """)
  void aBrokenHeaderIsRefusedInOneLine(String json, int dataBytes, String line) throws IOException {
    aBrokenFileIsRefusedInOneLine(json, file(json, dataBytes), line);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("mistakes")
  void aBrokenFileIsRefusedInOneLine(String mistake, byte[] bytes, String line) throws IOException {
    long before = Ledger.bytes();
    Path file = Files.write(folder.resolve("w.safetensors"), bytes);
    assertThatThrownBy(() -> SafeTensors.open(file))
        .as(mistake)
        .isInstanceOf(InputException.class)
        .message()
        .startsWith(file + ": ")
        .contains(line)
        .doesNotContain("\n", "\r")
        .hasSizeLessThan(file.toString().length() + 450);
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  @Test
  void moreTensorsThanAllowedAreRefused() throws IOException {
    var json = new StringBuilder("{");
    for (int i = 0; i <= Header.MOST_TENSORS; i++) {
      json.append(i == 0 ? "" : ",").append('"').append(i).append("\":{\"dtype\":\"U8\",");
      json.append("\"shape\":[0],\"data_offsets\":[0,0]}");
    }
    byte[] bytes = file(json.append('}').toString(), 0);
    Path file = Files.write(folder.resolve("w.safetensors"), bytes);
    assertThatThrownBy(() -> SafeTensors.open(file))
        .isInstanceOf(InputException.class)
        .hasMessage(file + ": header: has more than 250000 tensors, the largest number allowed");
  }

  @Test
  void aFolderAboveAModelNamesIt() throws IOException {
    Files.createFile(Files.createDirectory(folder.resolve("model")).resolve("model.safetensors"));
    assertThatThrownBy(() -> SafeTensors.open(folder))
        .hasMessage(
            "%s: holds neither model.safetensors nor model.safetensors.index.json; its folder %s/model is a model"
                .formatted(folder, folder));
  }

  @Test
  void whatIsNoFileOfWeightsIsRefused() throws IOException {
    Path absent = folder.resolve("absent");
    assertThatThrownBy(() -> SafeTensors.open(absent))
        .isInstanceOf(InputException.class)
        .hasMessage(absent + ": no such file or folder");
    assertThatThrownBy(() -> SafeTensors.open(folder))
        .isInstanceOf(InputException.class)
        .hasMessage(folder + ": holds neither model.safetensors nor model.safetensors.index.json");
    Files.createFile(folder.resolve("pytorch_model.bin"));
    assertThatThrownBy(() -> SafeTensors.open(folder))
        .hasMessageEndingWith("; pytorch_model.bin is not read, save the model as safetensors");
    Files.createDirectory(folder.resolve("model.safetensors"));
    assertThatThrownBy(() -> SafeTensors.open(folder))
        .hasMessageEndingWith("is not a regular file");
  }

  static byte[] file(String header, int dataBytes) {
    return file(header.getBytes(StandardCharsets.UTF_8), dataBytes);
  }

  /// A file with this header and zeros behind it.
  static byte[] file(byte[] header, int dataBytes) {
    return length(header.length, header, dataBytes);
  }

  static byte[] length(long length, byte[] header, int dataBytes) {
    return ByteBuffer.allocate(8 + header.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(header)
        .array();
  }
}
