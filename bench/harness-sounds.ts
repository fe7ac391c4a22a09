/** Python's `sound(name, n, rate)`: `n` frames of stereo that is noise, tones, like music or like speech; needs `np`. */
export const SOUND = `
def sound(name, n, rate):
    rng = np.random.default_rng(1)
    t = np.arange(n)[:, None] / rate
    if name == "noise": return rng.uniform(-0.5, 0.5, (n, 2))
    if name == "tones": return 0.4 * np.sin(2 * np.pi * np.cumsum(np.linspace([100, 9000], [8000, 200], n), 0) / rate)
    x = np.zeros((n, 2))
    if name == "music":
        # Plucked chords: partials that die away, a little noise under them.
        for start in range(0, n, rate // 4):
            m = min(rate, n - start)
            for pitch in rng.choice([45, 52, 57, 60, 64, 67, 72], 4):
                f, pan = 440 * 2 ** ((pitch - 69) / 12), rng.uniform(0.2, 0.8, 2)
                for k in range(1, 9): x[start:start + m] += pan * 0.06 / k * np.sin(2 * np.pi * f * k * t[:m]) * np.exp(-3 * k ** 0.5 * t[:m])
        return x + 0.002 * rng.standard_normal((n, 2))
    # As speech: a buzz of changing pitch through formants, in syllables with pauses between them.
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * t)
    for k in range(1, 30):
        f = k * pitch
        x += 0.03 * (np.exp(-((f - 600) / 300) ** 2) + 0.5 * np.exp(-((f - 1400) / 400) ** 2) + 0.02) * np.sin(2 * np.pi * np.cumsum(f, 0) / rate)
    return x * np.clip(np.sin(2 * np.pi * 3 * t) + 0.3, 0, 1) + 0.0005 * rng.standard_normal((n, 2))
`;
