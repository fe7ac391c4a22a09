"""Values of auraloss, for losses.test.ts: python record.py > ../fixtures/losses/auraloss.json (needs torch and auraloss 0.4.0)."""

import json

import auraloss
import torch

# In float32 its gradients are 5e-4 of the largest away from these.
torch.set_default_dtype(torch.float64)

SAMPLES = 2500


def signal(seed):
    """Looks random; losses.test.ts has the same."""
    n = torch.arange(SAMPLES, dtype=torch.float64)
    return (((n * n * (seed + 3) + n * 7919) % 10007) / 10007 - 0.5).to(torch.float32).double()


def run(loss, x, y):
    x = x.clone().requires_grad_()
    value = loss(x[None, None], y[None, None])
    value.backward()
    return {"value": value.item(), "gradient": x.grad[::25].tolist()}


first, second = signal(1), signal(2)
cases = {
    "siSdr": [auraloss.time.SISDRLoss()],
    "multiResolution": [auraloss.freq.MultiResolutionSTFTLoss()],
    "other": [
        auraloss.freq.MultiResolutionSTFTLoss(
            fft_sizes=[64, 128], hop_sizes=[16, 50], win_lengths=[64, 100], w_sc=0.5, w_log_mag=0.0, w_lin_mag=2.0
        )
    ],
}
pairs = [(first * 0.3 + second * 0.7 + 0.1, second), (second, first)]
print(json.dumps({name: [run(loss[0], *pair) for pair in pairs] for name, loss in cases.items()}))
