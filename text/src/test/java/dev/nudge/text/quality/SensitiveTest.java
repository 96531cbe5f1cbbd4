package dev.nudge.text.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Holds what is taken for a secret or for personal data, and what is not. The keys are made up, by
/// the forms that services publish.
class SensitiveTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "PRIVATE_KEY|x -----BEGIN RSA PRIVATE KEY----- MIIE",
        "PRIVATE_KEY|-----BEGIN PRIVATE KEY-----",
        "AWS_KEY|id=AKIAIOSFODNN7EXAMPLE,",
        "GITHUB_TOKEN|ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "SLACK_TOKEN|xoxb-1234567890-abcdef",
        "GOOGLE_KEY|AIzaSyA0123456789abcdefghijABCDEFGHIJ01",
        "API_KEY|use sk-proj-0123456789abcdefghij",
        "API_KEY|sk-0123456789abcdefghijABCDEFGHIJ0123456789",
        "HUGGING_FACE_TOKEN|hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
        "WEB_TOKEN|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "PASSWORD|password: hunter2hunter2",
        "PASSWORD|API_KEY='a1b2c3d4e5'",
        "EMAIL|write to ann.b+c@mail.example.co.uk.",
        "PHONE|call +49 (30) 1234-5678 today",
        "PHONE|(555) 123-4567",
        "PHONE|555-123-4567.",
        "IBAN|DE89 3704 0044 0532 0130 00",
        "IBAN|to GB82WEST12345698765432",
        "CARD|4111 1111 1111 1111",
        "CARD|card 5500-0055-5555-5559,",
        "SOCIAL_SECURITY|078-05-1120",
      })
  void whatHasTheFormIsFound(Sensitive kind, String text) {
    assertThat(Sensitive.in(text)).contains(kind);
    String redacted = Sensitive.redacted(text);
    assertThat(redacted).contains("[" + kind + "]");
    assertThat(Sensitive.in(redacted)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "the pump reads 7 bar at 12:30 on 2025-11-28, valve 4711-12",
        "GB82WEST12345698765433",
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "order 1234567890123456",
        "my password is long",
        "password: ********",
        "secret = os.environ['X']",
        "a @b, x@y",
        "version 1.2.3.4.5.6, ISBN 978-3-16-148410-0",
        "3.14159265358979 and 1,234,567,890",
        "-----BEGIN CERTIFICATE-----",
        "the SK-2 task-force of sk-learn",
        "UUID 123e4567-e89b-12d3-a456-426614174000",
      })
  void whatHasNotTheFormIsNot(String text) {
    assertThat(Sensitive.in(text)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void aTextOfTwiceTheLengthTakesTwiceTheWork(Sensitive kind) {
    assertThat(looksAt(kind, 4_000)).isBetween(1L, 21 * looksAt(kind, 2_000) / 10);
  }

  /// Characters that a search reads, of a text that is nearly full of finds and has none.
  private static long looksAt(Sensitive kind, int times) {
    AtomicLong looks = new AtomicLong();
    String text =
        Stream.of("1 ", "a.", "A1B2 ", "a-----BEGIN ", "eyJ", "pwd=\"x ", "3-")
            .map(piece -> piece.repeat(times))
            .collect(Collectors.joining());
    assertThat(kind.isIn(new Counted(text, looks))).isFalse();
    return looks.get();
  }

  private record Counted(CharSequence text, AtomicLong looks) implements CharSequence {
    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      looks.incrementAndGet();
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int from, int to) {
      return text.subSequence(from, to);
    }
  }
}
