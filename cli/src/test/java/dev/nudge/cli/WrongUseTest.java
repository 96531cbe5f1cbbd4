package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.ask.EchoCompleter;
import dev.nudge.cli.ask.GenerateVerb;
import dev.nudge.cli.console.Verb;
import dev.nudge.cli.machine.DoctorVerb;
import dev.nudge.cli.train.TrainVerb;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunState;
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

/// Holds the line that a user reads after a mistake: one line, the right one, with its exit code.
class WrongUseTest {
  private final List<TrainSettings> trained = new ArrayList<>();
  private final List<Verb<?>> verbs =
      List.of(
          new TrainVerb(
              (settings, _, _) -> {
                trained.add(settings);
                return new TrainVerb.Outcome(RunState.FINISHED, Map.of("id", "x"), List.of());
              }),
          new GenerateVerb(new EchoCompleter(), EchoCompleter::embed),
          new DoctorVerb());

  @TempDir Path folder;

  /// A cell of arguments is split at spaces; `~` stands for a space inside one.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          trian                                     | unknown verb trian; did you mean train?
          --verison                                 | unknown flag --verison; did you mean --version?
          frobnicate                                | unknown verb frobnicate; see nudge --help
          hepl                                      | unknown verb hepl; did you mean help?
          help trian                                | unknown verb trian; did you mean train?
          help --verison                            | unknown flag --verison; did you mean --version?
          help train --rank                         | unexpected argument '--rank'; help takes one verb, or none
          train                                     | --model, --data and --out are missing; they are required
          train --model m --data d                  | --out is missing; it is required
          train --rang 8                            | unknown flag --rang for train; did you mean --rank?
          train --rang=8                            | unknown flag --rang for train; did you mean --rank?
          train --ran 8                             | unknown flag --ran for train; did you mean --rank or --rank-pattern?
          train --resume_from_checkpoint            | unknown flag --resume_from_checkpoint for train; --resume goes on with the run in --out, as the same command does
          train --save-step 5                       | unknown flag --save-step for train; did you mean --save-steps or --eval-steps?
          finetune --model m                        | unknown verb finetune; here it is train
          evaluate                                  | unknown verb evaluate; here it is eval
          deploy                                    | unknown verb deploy; here it is serve
          help fuse                                 | unknown verb fuse; here it is merge
          download                                  | unknown verb download; here it is models pull
          train --lora_r 8 --frob -1 --fp16 --rank 8 | unknown flags --lora_r, --frob and --fp16 for train; --lora_r: here it is --rank; --fp16: the compute types are --compute bf16 and --compute fp32
          train --frob 1 --quux=2                   | unknown flags --frob and --quux for train; see nudge train --help
          train --use_dora --deepspeed z.json       | unknown flags --use_dora and --deepspeed for train; --use_dora: here it is --dora; --deepspeed: several machines train through nudge-spark; leave it out
          train --freeze                            | --freeze has no value; give it as --freeze VALUE or --freeze=VALUE
          train --lora-r 8                          | unknown flag --lora-r for train; here it is --rank
          train --lora_r=8                          | unknown flag --lora_r for train; here it is --rank
          train --LR 1e-4                           | unknown flag --LR for train; here it is --learning-rate
          train --load-in-4bit                      | unknown flag --load-in-4bit for train; here it is --quantize nf4
          train --adapter-path a                    | unknown flag --adapter-path for train; here it is --out
          generate --adapter-path a                 | unknown flag --adapter-path for generate; here it is --adapter
          generate --lora-r 8                       | unknown flag --lora-r for generate; see nudge generate --help
          train --fp16                              | unknown flag --fp16 for train; the compute types are --compute bf16 and --compute fp32
          train --val_set_size 0.1                  | unknown flag --val_set_size for train; here it is --eval-split
          train --gradient-accumulation-steps 4     | unknown flag --gradient-accumulation-steps for train; here --batch-size counts the sequences of a whole optimiser step, which is cut to fit the memory by itself
          train -x                                  | unknown flag -x for train; did you mean -h, -q or -v?
          train --no-overwrite                      | unknown flag --no-overwrite for train; did you mean --overwrite?
          train rows.jsonl                          | unexpected argument 'rows.jsonl'; train takes flags only, see nudge train --help
          train --rank                              | --rank has no value; give it as --rank VALUE or --rank=VALUE
          train --rank --alpha 5                    | --rank has no value; give it as --rank VALUE or --rank=VALUE
          train --rank 8 --rank 9                   | --rank is given twice; give it once
          train --overwrite --overwrite             | --overwrite is given twice; give it once
          train --shuffle --no-shuffle              | --shuffle is given twice; give it once
          train --json --json                       | --json is given twice; give it once
          train --overwrite=yes                     | --overwrite takes no value; give it alone
          train --overwrite=true                    | --overwrite takes no value; give it alone
          train --eval-data a --eval-data b         | --eval-data is given twice; give it once
          train --config no.yaml                    | --config is no.yaml; there is no such file
          generate --model m                        | --prompt and --data are both missing; give one
          generate --model m --prompt p --any-bas   | unknown flag --any-bas for generate; did you mean --any-base?
          generate --model m --prompt p --config c  | unknown flag --config for generate; see nudge generate --help
          generate --model m --data d --temperature -1 | --temperature is -1; it must be 0 or more
          doctor --model m                          | unknown flag --model for doctor; see nudge doctor --help
          """)
  void aMistakeIsOneLineAndExitCodeTwo(String line, String message) {
    Ran ran = Ran.of(verbs, split(line));
    assertThat(ran.err()).isEqualTo("nudge: " + message + "\n");
    assertThat(ran.out()).isEmpty();
    assertThat(ran.code()).isEqualTo(2);
  }

  /// A wrong value among otherwise good flags.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          --rank 0             | --rank is 0; it must be at least 1
          --rank=abc           | --rank is 'abc'; it must be a whole number
          --method vera        | --method is 'vera'; supported: lora, ia3, full
          --method ia3 --rank 8 | --rank is given with --method ia3, which trains a vector for each layer alone; leave one out
          --method full --rank 8 | --rank is given with --method full, which trains no adapter; leave one out
          --method full --rs-lora | --rs-lora is given with --method full, which trains no adapter; leave one out
          --method full --quantize nf4 | --quantize nf4 is given with --method full; weights in four bits cannot be trained, so leave one out
          --freeze q_proj      | --freeze is given without --method full; an adapter freezes all weights, so leave it out
          --method full --freeze , | --freeze is ','; it must not have an empty entry
          --optimizer adamw-4bit | --optimizer is 'adamw-4bit'; supported: adamw, adamw-8bit
          --quantize int8      | --quantize is 'int8'; supported: none, nf4
          --double-quant --quantize none | --double-quant is given with --quantize none; it goes with nf4, so leave one out
          --method full --double-quant | --double-quant is given with --method full; weights in four bits cannot be trained, so leave one out
          --quantize nf4 --double-quant=maybe | --double-quant is 'maybe'; it must be true or false, or stand alone
          --compute FP32       | --compute is 'FP32'; supported: auto, bf16, fp32
          --schedule step      | --schedule is 'step'; supported: constant, linear, cosine, wsd
          --warmup 2.5         | --warmup is '2.5'; it must be a whole number of steps, or a share of at least 0 below 1
          --dropout 1          | --dropout is 1; it must be at least 0 and below 1
          --learning-rate -1e-4 | --learning-rate is '-1e-4'; it must be a number above 0, or auto
          --steps 5 --epochs 2 | --steps and --epochs are both given; a run has either, so leave one out
          --targets ,          | --targets is ','; it must not have an empty entry
          --memory 0           | --memory is '0'; it must be an amount such as 8G, 1.5G or 900M
          --memory 8           | --memory is '8'; it must be an amount with its unit: 8 is 8 bytes; say 8G
          --memory 900         | --memory is '900'; it must be an amount with its unit: 900 is 900 bytes; say 900M
          --eval-steps 5       | --eval-steps is given without held-out rows; add --eval-data or --eval-split
          """)
  void aWrongValueIsOneLineAndExitCodeTwo(String flags, String message) {
    aMistakeIsOneLineAndExitCodeTwo("train --model m --data d --out o " + flags, message);
    assertThat(trained).isEmpty();
  }

  /// How tokens are chosen: each wrong value, and each pair that makes no sense.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          --top-p 0            | --top-p is 0; it must be above 0 and at most 1
          --presence-penalty 2.5 | --presence-penalty is 2.5; it must be from -2 to 2
          --presence-penalty -3 | --presence-penalty is -3; it must be from -2 to 2
          --frequency-penalty 9 | --frequency-penalty is 9; it must be from -2 to 2
          --frequency-penalty much | --frequency-penalty is 'much'; it must be a number
          --logit-bias 5       | --logit-bias is '5'; it must be ID=VALUE with a value from -100 to 100
          --logit-bias 5=      | --logit-bias is '5='; it must be ID=VALUE with a value from -100 to 100
          --logit-bias 5=101   | --logit-bias is '5=101'; it must be ID=VALUE with a value from -100 to 100
          --logit-bias 5=NaN   | --logit-bias is '5=NaN'; it must be ID=VALUE with a value from -100 to 100
          --logit-bias yes=1   | --logit-bias is 'yes=1'; a token id must be a whole number, at least 0
          --logit-bias -5=1    | --logit-bias is '-5=1'; a token id must be a whole number, at least 0
          --logit-bias 5=1 --logit-bias 5=2 | --logit-bias has token 5 twice; give it once
          --stop-id end        | --stop-id is 'end'; a token id must be a whole number, at least 0
          --stop-id -1         | --stop-id is '-1'; a token id must be a whole number, at least 0
          --stop-id +1         | --stop-id is '+1'; a token id must be a whole number, at least 0
          --stop-id 99999999999 | --stop-id is '99999999999'; a token id must be a whole number, at least 0
          --stop-ids 5         | unknown flag --stop-ids for generate; here it is --stop-id
          --n 0                | --n is 0; it must be at least 1
          --n 3                | --n is 3 with --temperature 0, which says the same each time; raise --temperature
          --num-return-sequences 3 | unknown flag --num-return-sequences for generate; here it is --n
          --min-tokens -1      | --min-tokens is -1; it must be at least 0
          --min-tokens 9 --max-tokens 8 | --min-tokens is 9; it must be at most --max-tokens 8
          --min-new-tokens 9   | unknown flag --min-new-tokens for generate; here it is --min-tokens
          --regex=             | --regex is ''; it must not be empty
          --regex a --json-schema s.json | --regex and --json-schema are both given; leave one out
          --guided-json s.json | unknown flag --guided-json for generate; here it is --json-schema
          --logprobs=5         | --logprobs takes no value; give it alone
          --top-logprobs 5     | --top-logprobs is given without --logprobs; add it
          --logprobs --top-logprobs 21 | --top-logprobs is 21; it must be from 0 to 20
          --logprobs --top-logprobs -1 | --top-logprobs is -1; it must be from 0 to 20
          """)
  void aWrongWayToChooseTokensIsOneLineAndExitCodeTwo(String flags, String message) {
    aMistakeIsOneLineAndExitCodeTwo("generate --model m --prompt p " + flags, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          rnak: 8               | unknown key 'rnak'; did you mean rank?
          batch-size: 8         | unknown key 'batch-size'; did you mean batch_size?
          save_step: 8          | unknown key 'save_step'; did you mean save_steps?
          lora_r: 8             | unknown key 'lora_r'; here it is rank
          lora-r: 8             | unknown key 'lora-r'; here it is rank
          load_in_4bit: true    | unknown key 'load_in_4bit'; here it is quantize: nf4
          micro_batch_size: 2   | unknown key 'micro_batch_size'; here batch_size counts the sequences of a whole optimiser step
          sample_packing: true  | unknown key 'sample_packing'; nothing to set: rows always lie behind each other, without padding
          rank: many            | rank is 'many'; it must be a whole number
          rank: '8'             | rank is '8'; it must be a whole number
          rank:                 | rank has no value; it must be a whole number
          overwrite: yes        | overwrite is 'yes'; it must be true or false
          learning_rate: [1]    | learning_rate is [1]; it must be a single value
          data: {a: b}          | data is {a=b}; it must be text or a list of texts
          method: vera          | method is 'vera'; supported: lora, ia3, full
          5: 6                  | key 5 is not the name of a setting
          just text             | holds no settings; it must hold lines such as rank: 16
          - rank                | holds no settings; it must hold lines such as rank: 16
          """)
  void aWrongRunFileIsNamedWithItsKey(String yaml, String message) throws IOException {
    Path file = Files.writeString(folder.resolve("run.yaml"), yaml + "\n");
    Ran ran = Ran.of(verbs, "train", "--config", file.toString());
    assertThat(ran.err()).isEqualTo("nudge: " + file + ": " + message + "\n");
    assertThat(ran.code()).isEqualTo(2);
  }

  @Test
  void aBrokenRunFileIsNamedWithItsLine() throws IOException {
    Path file = Files.writeString(folder.resolve("run.yaml"), "rank: 8\nrank: 9\n");
    assertThat(Ran.of(verbs, "train", "--config", file.toString()).err())
        .startsWith("nudge: " + file + " line 2, column 1: the key rank comes twice")
        .hasLineCount(1);
    Files.writeString(file, "rank: 8\n  alpha: [\n");
    Ran ran = Ran.of(verbs, "train", "--config", file.toString());
    assertThat(ran.err()).startsWith("nudge: " + file + " line 2").hasLineCount(1);
    assertThat(ran.code()).isEqualTo(2);
    for (String broken :
        List.of(
            "rank: 8\n\talpha: 3\n",
            "rank: 8\nalpha: a: b\n",
            "targets: [a, b\n",
            "targets: [a, b\nrank: 8\n",
            "prompt: 'a\n",
            "prompt: {a\n",
            "rank: 8\n alpha\n",
            "  rank: 8\nalpha: 3\n",
            "rank: @8\n",
            "rank: &\n",
            "rank: *a\n",
            "- a\nrank: 8\n",
            "rank: \u0001\n",
            "%YAML\n---\nrank: 8\n")) {
      Files.writeString(file, broken);
      String said = Ran.of(verbs, "train", "--config", file.toString()).err();
      assertThat(said).as(broken).startsWith("nudge: " + file).hasLineCount(1);
      assertThat(said)
          .as(broken)
          .doesNotContain(
              "expected", "<", "found", "scanner", "token", "engine", "stream", "alias");
    }
  }

  @Test
  void aValueOutOfRangeSaysWhichFileItCameFrom() throws IOException {
    Path file = Files.writeString(folder.resolve("run.yaml"), "rank: 0\nmodel: m\nout: o\n");
    assertThat(Ran.of(verbs, "train", "--config=" + file, "--data", "d").err())
        .isEqualTo("nudge: --rank is 0; it must be at least 1 (in " + file + ")\n");
  }

  private static String[] split(String line) {
    return line.isEmpty() ? new String[0] : line.split("\\s+");
  }
}
