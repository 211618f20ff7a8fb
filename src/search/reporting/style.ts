/** How a report looks: in light and dark, on a phone, on paper. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1d1d1f;--quiet:#666;--line:#ddd;--ground:#fff;--soft:#f5f5f3;--good:#00694d;--bad:#a83e00}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e6;--quiet:#a2a2a0;--line:#3a3a3c;--ground:#161617;--soft:#222224;--good:#4fc79d;--bad:#ff9d66}
figure.drawn svg{filter:invert(.92) hue-rotate(180deg)}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:900px;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .3rem;overflow-wrap:anywhere}h3{font-size:1rem;margin:1rem 0 0}h2{font-size:1.15rem;margin:2.4rem 0 .6rem;border-top:1px solid var(--line);padding-top:1rem}
p{margin:.4rem 0;max-width:70ch}.quiet,caption,th{color:var(--quiet)}.warn{color:var(--bad)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:.6rem 0}dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-weight:normal;text-align:left;font-size:.87em}td,th{padding:.22rem .9rem .22rem 0;vertical-align:top;border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right;white-space:nowrap}td.k{white-space:nowrap}td.t{min-width:10rem}tr.won td{font-weight:600}
figure{margin:1rem 0;overflow-x:auto}figure svg{max-width:100%;height:auto}figure img{display:block;width:100%;max-width:576px;height:auto;border-radius:3px}
figcaption{margin-top:.3rem}.big{font-size:1.7rem;font-weight:600;line-height:1.2;margin:.8rem 0 0}
code,pre{font:13px/1.5 ui-monospace,monospace;background:var(--soft);border-radius:3px}code{padding:.05rem .25rem}pre{padding:.7rem;overflow-x:auto}
details{margin:.6rem 0}summary{cursor:pointer;color:var(--quiet)}
@media(max-width:560px){body{padding-top:1rem;font-size:14px}dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}td,th{padding-right:.6rem}}
@media print{:root{--ink:#000;--ground:#fff;--soft:#f5f5f3;--line:#ccc;--quiet:#444}body{max-width:none;padding:0;font-size:11px}
figure,tr,.mistake{break-inside:avoid}h2{break-after:avoid}figure.drawn svg{filter:none;max-width:75%}.wide,figure{overflow:visible}}
`;
