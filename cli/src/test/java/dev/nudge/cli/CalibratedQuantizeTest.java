package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `quantize --method gptq|awq` as a user meets it. The model has 32 and 72 inputs.
class CalibratedQuantizeTest {
  @TempDir private Path folder;

  private static Ran quantize(Place place, String flags) {
    List<String> line = new ArrayList<>(List.of("quantize", "--model", "D/model"));
    line.addAll(List.of(flags.split(" ")));
    if (!line.contains("--out")) {
      line.addAll(List.of("--out", "D/out"));
    }
    return place.run(line.toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          --method gptq                                    | --calibration is missing; --method gptq needs rows like those that the model will see
          --method gguf                                    | --method is 'gguf'; supported: nf4, gptq, awq
          --method gptq --calibration D/rows.jsonl --bits 5 | --bits is 5; it must be 3, 4 or 8
          --method gptq --calibration D/rows.jsonl --group-size 0 | --group-size is 0; it must be at least 1, or -1 for one group a row
          --method gptq --calibration D/rows.jsonl --group-size 32 | --group-size 32 does not divide the 72 inputs of model.layers.0.mlp.down_proj; give --group-size 8 or -1
          --method gptq --calibration D/rows.jsonl         | --group-size 128 does not divide the 32 inputs of model.layers.0.self_attn.q_proj; give --group-size 8 or -1
          --method gptq --calibration D/rows.jsonl --bits 3 --format gptq --no-sym | --no-sym: in --format gptq with 3 bits a zero of 0 is read in different ways; give --format gptq_v2
          --method gptq --calibration D/rows.jsonl --bits 3 --group-size 8 | --format gptq has no place for the 16 outputs of model.layers.0.self_attn.k_proj; give --format compressed-tensors
          --method awq --calibration D/rows.jsonl --bits 8 | --bits 8: --format awq has 4 bits; give --format compressed-tensors
          --method awq --calibration D/rows.jsonl --damp 0.1 | --damp: --method awq has no use for it; leave it out, or give --method gptq
          --method awq --calibration D/rows.jsonl --no-act-order | --no-act-order: --method awq has no use for it; leave it out, or give --method gptq
          --method awq --calibration D/rows.jsonl --format gptq | --format gptq does not hold --method awq; it takes awq or compressed-tensors
          --method gptq --calibration D/rows.jsonl --format awq | --format awq does not hold --method gptq; it takes gptq, gptq_v2 or compressed-tensors
          --method gptq --calibration D/rows.jsonl --format compressed-tensors --no-static-groups | --no-static-groups: --format compressed-tensors has only groups of neighbouring inputs; give --format gptq
          --method gptq --calibration D/rows.jsonl --no-act-order --static-groups | --static-groups and --no-act-order are both given; groups are always static in that order, so leave one out
          --method gptq --calibration D/rows.jsonl --damp 0 | --damp is 0; it must be above 0 and below 1
          --method gptq --calibration D/rows.jsonl --samples 0 | --samples is 0; it must be at least 1
          --method gptq --calibration D/rows.jsonl --max-length 1 | --max-length is 1; it must be at least 2
          --method gptq --calibration D/rows.jsonl --no-double-quant | --no-double-quant: only --method nf4 has scales to quantise; leave it out
          --bits 8                                         | --bits: --method nf4 has no use for it; leave it out, or give --method gptq or awq
          --calibration D/rows.jsonl                       | --calibration: --method nf4 has no use for it; leave it out, or give --method gptq or awq
          --method gptq --group-size 8 --calibration D/none.jsonl | D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
          --method gptq --calibration D/none.jsonl         | D/none.jsonl does not exist; a file, a folder or a glob of rows is needed
          --method gptq --group-size 8 --calibration D/empty.jsonl | D/empty.jsonl holds no rows; a row is a JSON object, or a record below a header
          --method gptq --group-size 8 --calibration D/rows.jsonl --out D/model | --out D/model is the --model folder; give another folder
          """)
  void aMistakeIsOneLineAndNothingIsWritten(String flags, String message) throws IOException {
    Place place = Place.in(folder).write("empty.jsonl", "");
    Map<String, String> before = place.listing();
    Ran ran = quantize(place, flags);
    assertThat(ran.err()).isEqualTo("nudge: " + message + "\n");
    assertThat(ran.code()).isEqualTo(2);
    assertThat(place.listing()).isEqualTo(before);
  }

  @Test
  void oneRowIsCalibratedOnWithAWarning() throws IOException {
    Place place = Place.in(folder).write("one.jsonl", "{\"text\": \"the pump\"}\n");
    Ran ran = quantize(place, "--method gptq --group-size 8 --calibration D/one.jsonl");
    assertThat(ran.code()).isZero();
    assertThat(ran.err())
        .startsWith("nudge: warning: 1 row of --calibration, ")
        .contains("fewer than the 72 inputs of the widest layer")
        .contains("D/out: 14 layers in gptq, 0.1 MB of weights instead of 0.1, in ")
        .contains("nats a token from the source (KL)");
  }

  @Test
  void rowsLongerThanTheModelAreCut() throws IOException {
    String row = "{\"text\": \"" + "the pump ".repeat(2000) + "\"}\n";
    Place place = Place.in(folder).write("long.jsonl", row);
    Ran ran =
        quantize(
            place,
            "--method awq --group-size 8 --max-length 9000 --calibration D/long.jsonl --json");
    assertThat(ran.err())
        .contains(
            "--max-length 9000 is above the model's max_position_embeddings; rows are cut to 512"
                + " tokens");
    assertThat(ran.out()).contains("\"calibration\":{\"rows\":1,\"tokens\":512,\"resumed\":0,");
  }

  @Test
  void anAdapterOfTheSourceSaysHowFarTheBaseIs() throws IOException {
    Place place = Place.in(folder);
    assertThat(place.train("--steps", "1").code()).isZero();
    quantize(place, "--method awq --group-size 8 --calibration D/rows.jsonl --out D/awq");
    Ran ran = place.answer("score", "--model", "D/awq", "--adapter", "D/out");
    assertThat(ran.err())
        .containsPattern(
            "adapter D/out was trained on dense weights; this model has weights in 4-bit awq, "
                + "[0-9.e-]+ nats a token from their source \\(KL on the probe text\\)");
    assertThat(ran.code()).isZero();
    assertThat(Files.exists(place.path("awq/awq_scales.safetensors"))).isTrue();
    Ran again =
        place.train("--model", "D/awq", "--init-adapter", "D/out", "--steps", "1", "--out", "D/2");
    assertThat(again.err()).contains("--method awq scaled what it stands on");
    assertThat(again.code()).isEqualTo(2);
  }
}
