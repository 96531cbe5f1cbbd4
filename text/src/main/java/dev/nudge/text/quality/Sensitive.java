package dev.nudge.text.quality;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Kinds of secrets and personal data, recognised in a text by their form.
///
/// The forms are: prefixes of services' API keys, the header of a private key, a word such as
/// password before a value, checksums of IBAN (ISO 7064) and cards (Luhn). Names and postal
/// addresses have no form and are not found.
public enum Sensitive {
  PRIVATE_KEY(
      true,
      "a private key",
      "-----BEGIN",
      "-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[\\s\\S]*?-----END [A-Z ]{0,30}PRIVATE"
          + " KEY-----|[\\s\\S]*)"),
  AWS_KEY(true, "an AWS key", "AKIA|ASIA", "\\b(?:AKIA|ASIA)[0-9A-Z]{16}\\b"),
  GITHUB_TOKEN(
      true,
      "a GitHub token",
      "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
      "\\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,255})\\b"),
  SLACK_TOKEN(true, "a Slack token", "xox", "\\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
  GOOGLE_KEY(true, "a Google key", "AIza", "\\bAIza[0-9A-Za-z_-]{35}"),
  API_KEY(
      true,
      "a key of a model's interface",
      "sk-",
      "\\bsk-(?:(?:ant|proj|or|live|test)-[A-Za-z0-9_-]{16,}|[A-Za-z0-9]{32,})"),
  HUGGING_FACE_TOKEN(true, "a Hugging Face token", "hf_", "\\bhf_[A-Za-z0-9]{30,}\\b"),
  STRIPE_KEY(true, "a Stripe key", "k_live_", "\\b[rs]k_live_[A-Za-z0-9]{20,}"),
  WEB_TOKEN(
      true,
      "a JSON web token",
      "eyJ",
      "\\beyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]*"),
  PASSWORD(
      true,
      "a password",
      "",
      "(?i)\\b((?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token)[\"']?\\s{0,3}(?:[:=]|=>)\\s{0,3}[\"']?)(?=[^\\s\"']*[0-9])(?=[^\\s\"']*[a-z])[^\\s\"'<>{}$]{8,}[^\\s\"']*"),
  EMAIL(
      false,
      "an e-mail address",
      "@",
      "[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\\.){1,8}[A-Za-z]{2,24}\\b"),
  PHONE(
      false,
      "a telephone number",
      "",
      "(?<![\\w.+])(?:\\+[1-9][0-9]{0,2}(?:[ .()/-]{0,2}[0-9]{2,4}){2,5}|\\([0-9]{3}\\)"
          + " ?[0-9]{3}-[0-9]{4}|[0-9]{3}-[0-9]{3}-[0-9]{4})(?![\\w-])"),
  IBAN(false, "an IBAN", "", "\\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\\b") {
    @Override
    boolean isOne(String found) {
      return modulus97(found.replace(" ", ""));
    }
  },
  CARD(false, "a card number", "", "(?<![\\w.-])[3-6][0-9]{3}(?:[ -]?[0-9]){9,15}(?![\\w-])") {
    @Override
    boolean isOne(String found) {
      return luhn(found.replaceAll("[ -]", ""));
    }
  },
  SOCIAL_SECURITY(
      false,
      "a US social security number",
      "-",
      "(?<![\\w-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\\w-])");

  private static final Pattern WORDS = Pattern.compile("(?i)passw|pwd|secret|api.?key|access.?tok");
  private static final int FEWEST = 9; // digits of a phone, card or social security number

  private final boolean secret;
  private final String words;
  private final List<String> literals;
  private final Pattern pattern;

  /// @param literals texts of which every match contains one, to skip the pattern quickly
  Sensitive(boolean secret, String words, String literals, String pattern) {
    this.secret = secret;
    this.words = words;
    this.literals = List.of(literals.split("\\|", -1));
    this.pattern = Pattern.compile(pattern);
  }

  /// Whether it is a secret; else it is personal data.
  public boolean secret() {
    return secret;
  }

  /// Returns the kind in words: `an e-mail address`.
  public String words() {
    return words;
  }

  /// Returns all kinds that a text seems to contain.
  public static Set<Sensitive> in(String text) {
    Set<Sensitive> found = possible(text);
    found.removeIf(one -> !one.isIn(text));
    return found;
  }

  /// Replaces everything that [#in] finds by its kind: `[EMAIL]`. The word before a password stays.
  public static String redacted(String text) {
    String rest = text;
    for (Sensitive one : possible(text)) {
      rest = one.pattern.matcher(rest).replaceAll(one::replaced);
    }
    return rest;
  }

  private String replaced(MatchResult found) {
    String word = found.groupCount() > 0 ? found.group(1) : "";
    return Matcher.quoteReplacement(
        isOne(found.group()) ? word + "[" + name() + "]" : found.group());
  }

  /// Returns the kinds that cheap checks do not rule out.
  private static Set<Sensitive> possible(String text) {
    Set<Sensitive> found = EnumSet.noneOf(Sensitive.class);
    boolean named =
        (text.indexOf(':') >= 0 || text.indexOf('=') >= 0) && WORDS.matcher(text).find();
    Numbers numbers = Numbers.in(text);
    for (Sensitive one : values()) {
      boolean possible =
          switch (one) {
            case PASSWORD -> named;
            case PHONE, CARD, SOCIAL_SECURITY -> numbers.most() >= FEWEST;
            case IBAN -> numbers.coded();
            default -> one.hasLiteral(text);
          };
      if (possible) {
        found.add(one);
      }
    }
    return found;
  }

  private boolean hasLiteral(String text) {
    for (String literal : literals) {
      if (text.contains(literal)) {
        return true;
      }
    }
    return false;
  }

  /// The numbers of a text, found in one pass; it rules out most kinds for most texts.
  ///
  /// @param most most digits in a row, with only a few separators between them
  /// @param coded whether two capitals precede two digits
  private record Numbers(int most, boolean coded) {
    private static final String SIGNS = " ()./-";
    private static final int GAP = 3;

    static Numbers in(String text) {
      int most = 0;
      boolean coded = false;
      int digits = 0;
      int gap = 0;
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        if (c >= '0' && c <= '9') {
          digits++;
          gap = 0;
          most = Math.max(most, digits);
          coded |=
              digits == 2 && i > 2 && capital(text.charAt(i - 2)) && capital(text.charAt(i - 3));
        } else if (digits > 0 && (SIGNS.indexOf(c) < 0 || ++gap > GAP)) {
          digits = 0;
          gap = 0;
        }
      }
      return new Numbers(most, coded);
    }

    private static boolean capital(char c) {
      return c >= 'A' && c <= 'Z';
    }
  }

  boolean isIn(CharSequence text) {
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      if (isOne(matcher.group())) {
        return true;
      }
    }
    return false;
  }

  /// Whether a match of the pattern is valid, such as its checksum.
  boolean isOne(String found) {
    return true;
  }

  /// Whether an IBAN with its first four characters moved to the end, letters as 10 to 35, is 1 mod
  /// 97.
  private static boolean modulus97(String iban) {
    if (iban.length() < 15 || iban.length() > 34) {
      return false;
    }
    int rest = 0;
    for (int i = 0; i < iban.length(); i++) {
      int value = Character.digit(iban.charAt((i + 4) % iban.length()), 36);
      rest = ((value > 9 ? 100 : 10) * rest + value) % 97;
    }
    return rest == 1;
  }

  /// Whether the digits, every second one from the right doubled, add up to a multiple of ten.
  private static boolean luhn(String card) {
    int sum = 0;
    for (int i = 0; i < card.length(); i++) {
      int digit = card.charAt(card.length() - 1 - i) - '0';
      int doubled = i % 2 == 1 ? 2 * digit : digit;
      sum += doubled > 9 ? doubled - 9 : doubled;
    }
    boolean same = card.chars().distinct().count() == 1;
    return !same && card.length() >= 13 && card.length() <= 19 && sum % 10 == 0;
  }
}
