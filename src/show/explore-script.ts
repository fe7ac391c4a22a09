/** Boxes that filter the table of `explore`, and heads that sort it, once or twice clicked or with Enter. */
export const EXPLORE_SCRIPT: string = `<script>(s=>{
const d=s.parentNode,t=d.querySelector("table"),b=t.tBodies[0],h=[...t.tHead.rows[0].cells],R=[...b.rows];
const at=n=>h.findIndex(c=>c.textContent===n),L=at("length"),f=document.createElement("div");
f.style.cssText="display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;margin:4px 0";
const add=(label,e,name=label)=>{e.setAttribute("aria-label",name);const l=document.createElement("label");l.append(label+" ",e);f.append(l);e.oninput=g;return e};
const input=(type,width)=>{const e=document.createElement("input");e.type=type;e.style.width=width;if(type==="number"){e.min=0;e.step="any"}return e};
const q=add("words",input("search","11em"));
const picks=["split","label","predicted"].filter(n=>at(n)>=0).flatMap(n=>{
const v=[...new Set(R.map(r=>r.cells[at(n)].textContent))].sort();
if(v.length<2||v.length>100)return[];
const e=document.createElement("select");e.append(new Option("all",""),...v.map((x,i)=>new Option(x||"none",String(i))));
return[[at(n),v,add(n,e)]]});
const from=add("seconds from",input("number","5em"),"shortest length in seconds"),to=add("to",input("number","5em"),"longest length in seconds"),o=document.createElement("span");
o.setAttribute("role","status");f.append(o);t.parentNode.before(f);
function g(){
const w=q.value.toLowerCase().split(/\\s+/).filter(Boolean),low=from.value===""?-1:+from.value,high=to.value===""?Infinity:+to.value;let n=0;
for(const r of R){const k=r.textContent.toLowerCase(),x=+r.cells[L].dataset.v;
const v=w.every(e=>k.includes(e))&&x>=low&&x<=high&&picks.every(([c,l,e])=>e.value===""||r.cells[c].textContent===l[e.value]);
r.style.display=v?"":"none";n+=v}
o.textContent=n+" of "+R.length}
g();
h.forEach((c,i)=>{if(c.textContent==="waveform"||c.textContent==="sound")return;
c.style.cursor="pointer";c.tabIndex=0;c.title="sort";let u=1;const a=document.createElement("span");a.setAttribute("aria-hidden","true");c.append(a);
const e=r=>r.cells[i].dataset.v,z=()=>{for(const x of h){x.removeAttribute("aria-sort");if(x.lastElementChild)x.lastElementChild.textContent=""}
R.sort((x,y)=>u*(e(x)!==undefined&&e(y)!==undefined?e(x)-e(y):x.cells[i].textContent.localeCompare(y.cells[i].textContent)));
c.setAttribute("aria-sort",u>0?"ascending":"descending");a.textContent=u>0?" ▲":" ▼";u=-u;b.append(...R)};
c.onclick=z;c.onkeydown=k=>{if(k.key==="Enter")z()}});
for(const c of h)c.style.cssText+=";position:sticky;top:0;background:var(--jp-layout-color0,Canvas)";
})(document.currentScript)</script>`;
